import { isIP } from 'node:net';
import type { Context, MiddlewareHandler } from 'hono';
import type { AdminEnvironment } from './actor.ts';
import { problem } from './api/problem.ts';
import { IMPORT_MAP_SOURCE } from './browser-modules.ts';

/** Nothing from other hosts, no inline style, no inline script but the import map, no frames. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `script-src 'self' ${IMPORT_MAP_SOURCE}`,
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Headers that every answer carries. */
export const securityHeaders: MiddlewareHandler = async (context, next) => {
  await next();
  context.header('Content-Security-Policy', CONTENT_SECURITY_POLICY);
  context.header('X-Content-Type-Options', 'nosniff');
  // Not no-referrer: browsers then send `Origin: null` with our own forms (Fetch standard 3.1), which originGuard refuses.
  context.header('Referrer-Policy', 'same-origin');
  context.header('Cross-Origin-Opener-Policy', 'same-origin');
  context.header('Cross-Origin-Resource-Policy', 'same-origin');
  if (!context.req.path.startsWith('/assets/')) context.header('Cache-Control', 'no-store');
};

/** HEAD is answered as GET without the body. A stream that nobody reads would otherwise go on for ever, and its file stay open. */
export const endUnsent: MiddlewareHandler = async (context, next) => {
  await next();
  if (context.req.method === 'HEAD') await context.res.body?.cancel();
};

/**
 * Refuses a Host that a page of an attacker could have brought along by DNS rebinding: good are address literals,
 * `localhost`, and the names that the operator gave.
 */
export function hostGuard(names: readonly string[]): MiddlewareHandler {
  const allowed = new Set(['localhost', ...names]);
  return async (context, next) => {
    const host = hostName(context.req.header('Host') ?? '');
    if (host === null || (isIP(host) === 0 && !allowed.has(host))) {
      return refused(context, 421, 'This host name does not belong to this coordinator.');
    }
    return next();
  };
}

/**
 * Every unsafe method needs an Origin equal to the Host that was asked, whatever its content type (SEC-56). A request with a key
 * needs none: no browser adds that by itself, and the cookie does not count beside it (authentication.ts).
 */
export const originGuard: MiddlewareHandler<AdminEnvironment> = async (context, next) => {
  if (SAFE_METHODS.has(context.req.method) || isBearer(context.req.header('Authorization'))) return next();
  const origin = URL.parse(context.req.header('Origin') ?? '');
  const isOurs = origin !== null && origin.host === (context.req.header('Host') ?? '').toLowerCase();
  // A page of the same name by plain HTTP may be anybody's on the path.
  if (!isOurs || (context.get('connection').isSecure && origin.protocol !== 'https:')) {
    return refused(context, 403, 'This request did not come from a page of this coordinator.');
  }
  return next();
};

/** Programs are told as the API tells everything. */
function refused(context: Context, status: 403 | 421, why: string): Response {
  return context.req.path.startsWith('/api/')
    ? problem(context, status, why)
    : context.text(`${why}\n`, status);
}

/** Whether an Authorization header brings a key. Browsers add one of another scheme by themselves. */
export function isBearer(header: string | undefined): header is string {
  return header !== undefined && /^bearer /i.test(header);
}

/** The host of a Host header without port and brackets, in lower case. */
function hostName(header: string): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::\d{1,5})?$/.exec(header.toLowerCase());
  return match === null ? null : ((match[1] ?? match[2]) as string);
}
