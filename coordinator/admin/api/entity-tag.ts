import { createHash } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { WarrenError } from '../../../shared/errors.ts';

/** A strong entity tag (RFC 9110 8.8.3) of what a resource looks like as JSON. */
export function entityTag(json: string): string {
  return `"${createHash('sha256').update(json).digest('base64url').slice(0, 22)}"`;
}

/** Gives every JSON answer to GET and HEAD its tag, and 304 to whoever holds it already. */
export const entityTags: MiddlewareHandler = async (context, next) => {
  await next();
  const { res } = context;
  const { method } = context.req;
  const isJson = (res.headers.get('Content-Type') ?? '').startsWith('application/json');
  // What is sent as a file is not held here as a whole.
  const isFile = res.headers.has('Content-Disposition');
  if ((method !== 'GET' && method !== 'HEAD') || res.status !== 200 || !isJson || isFile) return;
  const json = await res.text();
  const tag = entityTag(json);
  const held = context.req.header('If-None-Match');
  context.res = undefined;
  context.res =
    held !== undefined && holds(held, tag, true)
      ? new Response(null, { status: 304, headers: { ETag: tag } })
      : new Response(json, { status: 200, headers: { ...Object.fromEntries(res.headers), ETag: tag } });
};

/**
 * Throws `stale` when the request says by If-Match on which state it is based (RFC 9110 13.1.1) and the resource, as GET shows
 * it, looks different now. To be called where the change is made, so that nothing comes between.
 */
export function checkIfMatch(context: Context, current: unknown): void {
  const wanted = context.req.header('If-Match');
  if (wanted === undefined || holds(wanted, entityTag(JSON.stringify(current)), false)) return;
  throw staleness();
}

/** Somebody was faster. */
export function staleness(): WarrenError {
  return new WarrenError('stale', 'this was changed by somebody else meanwhile, and nothing was done', {
    hint: 'read it again and repeat the change if it is still wanted',
  });
}

/** Weak comparison takes `W/"x"` for `"x"`; strong comparison takes a weak tag for none (RFC 9110 8.8.3.2). */
function holds(header: string, tag: string, weak: boolean): boolean {
  if (header.trim() === '*') return true;
  return header
    .split(',')
    .map((each) => each.trim())
    .some((each) => each === tag || (weak && each === `W/${tag}`));
}
