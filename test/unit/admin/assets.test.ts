import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { Hono } from 'hono';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AdminEnvironment } from '../../../coordinator/admin/actor.ts';
import { registerAssets } from '../../../coordinator/admin/assets.ts';
import {
  IMPORT_MAP,
  IMPORT_MAP_SOURCE,
  moduleStyleSheet,
} from '../../../coordinator/admin/browser-modules.ts';
import { layout } from '../../../coordinator/admin/pages/layout.ts';

const app = new Hono<AdminEnvironment>();
beforeAll(() => registerAssets(app));

const { imports } = JSON.parse(IMPORT_MAP) as { imports: Record<string, string> };

describe('what browsers get of node_modules', () => {
  it('every module of the import map is there, and whatever it imports', async () => {
    const seen = new Set<string>();
    const todo = Object.values(imports);
    for (let url = todo.pop(); url !== undefined; url = todo.pop()) {
      if (seen.has(url)) continue;
      seen.add(url);
      const answer = await app.request(url);
      expect(answer.status, url).toBe(200);
      expect(answer.headers.get('Content-Type')).toMatch(/^text\/javascript/);
      expect(answer.headers.get('Cache-Control')).toContain('immutable');
      const source = await answer.text();
      for (const [, wanted] of source.matchAll(
        /(?:^|[\n;}])\s*(?:import|export)\b[^'"`();]*?from\s*['"]([^'"]+)['"]/g,
      )) {
        const name = wanted as string;
        const found = name.startsWith('.') ? new URL(name, `http://x${url}`).pathname : imports[name];
        expect(found, `${name}, which ${url} imports`).toBeDefined();
        todo.push(found as string);
      }
    }
    expect(seen.size).toBeGreaterThan(30);
  });

  it('the rest of node_modules is not there', async () => {
    const { pathname } = new URL('package.json', `http://x${imports.cytoscape}`);
    for (const path of [
      pathname,
      '/assets/modules/koffi@3.3.4/index.js',
      '/assets/../app.ts',
      '/assets/..%2fapp.ts',
    ]) {
      expect((await app.request(path)).status, path).toBe(404);
    }
  });

  it('a style sheet of a package is a style sheet', async () => {
    expect((await app.request(moduleStyleSheet('uplot'))).headers.get('Content-Type')).toMatch(/^text\/css/);
  });
});

describe('assets', () => {
  it('come compressed to who takes that, and not again to who has them', async () => {
    const plain = await app.request('/assets/style.css');
    const zipped = await app.request('/assets/style.css', { headers: { 'Accept-Encoding': 'gzip, br' } });
    expect(zipped.headers.get('Content-Encoding')).toBe('gzip');
    expect(gunzipSync(Buffer.from(await zipped.arrayBuffer())).toString()).toBe(await plain.text());
    const etag = plain.headers.get('ETag') as string;
    expect((await app.request('/assets/style.css', { headers: { 'If-None-Match': etag } })).status).toBe(304);
  });

  it('SEC-59: the only inline script of a page is the import map, which the policy names by its hash', async () => {
    const page = String(await layout({ title: 'T', actor: null, body: '' as never }));
    const inline = [...page.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
      ([, text]) => text,
    );
    expect(inline).toEqual([IMPORT_MAP]);
    const digest = createHash('sha256')
      .update(inline[0] as string)
      .digest('base64');
    expect(IMPORT_MAP_SOURCE).toBe(`'sha256-${digest}'`);
    expect(page).not.toMatch(/\s(style|on[a-z]+)=/);
  });
});
