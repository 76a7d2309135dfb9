import type { Hono } from 'hono';
import { deleteCookie, setCookie } from 'hono/cookie';
import type { AdminEnvironment } from './actor.ts';
import { SESSION_COOKIE, sessionOf } from './authentication.ts';
import type { AdminDependencies } from './dependencies.ts';
import { signInPage } from './pages/sign-in.ts';
import { remoteAddress } from './remote-address.ts';

/** What leads to a session, and so needs none. */
export function registerSignIn(app: Hono<AdminEnvironment>, dependencies: AdminDependencies): void {
  const { store, codes, sessions, clock } = dependencies;
  app.get('/sign-in', (context) =>
    context.html(signInPage({ code: context.req.query('code') ?? '', failed: false })),
  );
  app.post('/sign-in', async (context) => {
    const code = (await context.req.parseBody()).code;
    const accepted = typeof code === 'string' && codes.use(code);
    await store.audit({
      at: clock.wall(),
      actor: 'admin',
      source: remoteAddress(context) || 'web',
      action: 'admin.sign-in',
      target: '',
      result: accepted ? 'ok' : 'refused',
      detail: accepted ? 'by one-time link' : 'unknown, used or old link',
    });
    if (!accepted) return context.html(signInPage({ code: '', failed: true }), 401);
    sessions.revoke(sessionOf(context));
    setCookie(context, SESSION_COOKIE, sessions.create(), {
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
      secure: new URL(context.req.url).protocol === 'https:',
    });
    return context.redirect('/', 303);
  });
}

export function registerSignOut(app: Hono<AdminEnvironment>, { sessions }: AdminDependencies): void {
  app.post('/sign-out', (context) => {
    sessions.revoke(sessionOf(context));
    deleteCookie(context, SESSION_COOKIE, { path: '/' });
    return context.redirect('/sign-in', 303);
  });
}
