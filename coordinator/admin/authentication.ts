import type { Context, MiddlewareHandler } from 'hono';
import { getCookie } from 'hono/cookie';
import type { Actor, AdminEnvironment } from './actor.ts';
import { mayRequest } from './permissions.ts';
import { remoteAddress } from './remote-address.ts';
import type { Sessions } from './sessions.ts';

export const SESSION_COOKIE = 'warren-session';

/** The value of the session's cookie; empty for none. */
export function sessionOf(context: Context): string {
  return getCookie(context, SESSION_COOKIE) ?? '';
}

/** Finds out who sent a request, and lets nobody on who may not send it. */
export function authentication(sessions: Sessions): MiddlewareHandler<AdminEnvironment> {
  return async (context, next) => {
    const { path, method } = context.req;
    if (!sessions.touch(sessionOf(context))) {
      if (isApi(path)) return problem(context, 401, 'Sign in first', 'no session and no API key was sent');
      return isNavigation(context)
        ? context.redirect('/sign-in', 303)
        : context.text('Sign in first.\n', 401);
    }
    const actor: Actor = {
      actor: 'admin',
      source: remoteAddress(context),
      role: 'owner',
      userId: null,
      scopes: [],
    };
    if (!mayRequest(actor, method, path)) {
      const why = `the role ${actor.role} does not have the right to do this`;
      return isApi(path) ? problem(context, 403, 'Not allowed', why) : context.text(`${why}\n`, 403);
    }
    context.set('actor', actor);
    return next();
  };
}

function isApi(path: string): boolean {
  return path.startsWith('/api/');
}

/** Whether a browser opens a page, as against a script that fetches a part of one. */
function isNavigation(context: Context): boolean {
  return context.req.method === 'GET' && (context.req.header('Accept') ?? '').includes('text/html');
}

function problem(context: Context, status: 401 | 403, title: string, detail: string): Response {
  return context.json({ type: 'about:blank', title, status, detail }, status, {
    'Content-Type': 'application/problem+json',
  });
}
