import { readFileSync } from 'node:fs';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { Clock } from '../../shared/clock.ts';
import { WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Store } from '../store/store.ts';
import { changeEvents } from './events.ts';
import { hostGuard, originGuard, securityHeaders } from './guards.ts';
import type { OneTimeCodes } from './one-time-codes.ts';
import { machinesPage, machinesTable } from './pages/machines.ts';
import { signInPage } from './pages/sign-in.ts';
import type { Sessions } from './sessions.ts';

const SESSION_COOKIE = 'warren-session';
const ASSETS: Readonly<Record<string, string>> = {
  'style.css': 'text/css; charset=utf-8',
  'live.js': 'text/javascript; charset=utf-8',
  'warren.svg': 'image/svg+xml',
};

export interface AdminDependencies {
  store: Store;
  codes: OneTimeCodes;
  sessions: Sessions;
  clock: Clock;
  log: Logger;
  /** Names, beside addresses and localhost, under which people reach the page. */
  hostNames: readonly string[];
}

/** The web admin: pages behind a session, which a one-time link opens. */
export function adminApp(dependencies: AdminDependencies): Hono {
  const { store, codes, sessions, clock, log } = dependencies;
  const app = new Hono();
  const sessionOf = (context: Context) => getCookie(context, SESSION_COOKIE) ?? '';

  app.use(securityHeaders, hostGuard(dependencies.hostNames), originGuard, bodyLimit({ maxSize: 64 * 1024 }));
  app.onError((error, context) => {
    const away = error instanceof WarrenError && error.code === 'unavailable';
    log.error({ err: error, path: context.req.path }, 'a request to the admin page failed');
    return context.text(
      away ? 'The database is away; try again soon.\n' : 'Something failed here; the log has more.\n',
      away ? 503 : 500,
    );
  });

  app.get('/healthz', (context) => context.text('ok\n'));
  app.get('/readyz', async (context) => {
    await store.network();
    return context.text('ok\n');
  });

  for (const [name, type] of Object.entries(ASSETS)) {
    const content = readFileSync(new URL(`assets/${name}`, import.meta.url));
    app.get(`/assets/${name}`, (context) =>
      context.body(content, 200, { 'Content-Type': type, 'Cache-Control': 'no-cache' }),
    );
  }

  app.get('/sign-in', (context) =>
    context.html(signInPage({ code: context.req.query('code') ?? '', failed: false })),
  );
  app.post('/sign-in', async (context) => {
    const code = (await context.req.parseBody()).code;
    const accepted = typeof code === 'string' && codes.use(code);
    await store.audit({
      at: clock.wall(),
      actor: 'admin',
      source: 'web',
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

  app.use(async (context, next) => {
    if (sessions.touch(sessionOf(context))) return next();
    return context.req.path === '/'
      ? context.redirect('/sign-in', 303)
      : context.text('Sign in first.\n', 401);
  });
  app.post('/sign-out', (context) => {
    sessions.revoke(sessionOf(context));
    deleteCookie(context, SESSION_COOKIE, { path: '/' });
    return context.redirect('/sign-in', 303);
  });
  app.get('/', async (context) => context.html(machinesPage(await store.listNodes(), clock.wall())));
  app.get('/machines/table', async (context) =>
    context.html(machinesTable(await store.listNodes(), clock.wall())),
  );
  app.get('/events', (context) => changeEvents(context, store, () => sessions.alive(sessionOf(context))));
  return app;
}
