import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { AdminEnvironment } from './actor.ts';

type AdminContext = Context<AdminEnvironment>;

/** Over TLS the names begin with `__Host-`, so that no other host of the domain can set them (RFC 6265bis, 4.1.3.2). */
function nameOf(context: AdminContext, name: string): string {
  return `${context.get('connection').isSecure ? '__Host-' : ''}warren-${name}`;
}

export type CookieName = 'session' | 'confirmed' | 'known' | 'oidc';

/** The value of one of our cookies; empty for none. */
export function cookie(context: AdminContext, name: CookieName): string {
  return getCookie(context, nameOf(context, name)) ?? '';
}

/**
 * Sets a cookie that scripts cannot read. Lax and not Strict: who follows a link to a page of ours, or comes back from a
 * provider, is signed in; whatever changes something is guarded by its Origin (guards.ts). `lifetime`: milliseconds; without it the
 * browser forgets the cookie when it ends.
 */
export function putCookie(context: AdminContext, name: CookieName, value: string, lifetime?: number): void {
  setCookie(context, nameOf(context, name), value, {
    httpOnly: true,
    sameSite: 'Lax',
    path: '/',
    secure: context.get('connection').isSecure,
    ...(lifetime === undefined ? {} : { maxAge: lifetime / 1000 }),
  });
}

export function dropCookie(context: AdminContext, name: CookieName): void {
  deleteCookie(context, nameOf(context, name), {
    path: '/',
    secure: context.get('connection').isSecure,
  });
}
