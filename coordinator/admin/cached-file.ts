import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Handler } from 'hono';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface Content {
  plain: Buffer<ArrayBuffer>;
  zipped: Buffer<ArrayBuffer>;
  etag: string;
}

/** Serves a file as it was when first asked for, compressed where the browser takes that, and 304 where it has it already. */
export function cachedFile(path: string, cacheControl: string): Handler {
  const type = TYPES[extname(path)] ?? 'application/octet-stream';
  let content: Content | null = null;
  return (context) => {
    content ??= read(path);
    context.header('ETag', content.etag);
    context.header('Cache-Control', cacheControl);
    context.header('Vary', 'Accept-Encoding');
    if (context.req.header('If-None-Match') === content.etag) return context.body(null, 304);
    context.header('Content-Type', type);
    if (!/\bgzip\b/.test(context.req.header('Accept-Encoding') ?? '')) return context.body(content.plain);
    context.header('Content-Encoding', 'gzip');
    return context.body(content.zipped);
  };
}

function read(path: string): Content {
  const plain = readFileSync(path);
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
  return { plain, zipped: gzipSync(plain), etag };
}
