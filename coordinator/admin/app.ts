import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { WarrenError } from '../../shared/errors.ts';
import type { AdminEnvironment } from './actor.ts';
import { apiRoutes } from './api/routes.ts';
import { registerAssets } from './assets.ts';
import { authentication, sessionOf } from './authentication.ts';
import type { AdminDependencies } from './dependencies.ts';
import { changeEvents } from './events.ts';
import { hostGuard, originGuard, securityHeaders } from './guards.ts';
import { registerPages } from './pages/register.ts';
import { registerSignIn, registerSignOut } from './sign-in.ts';

/**
 * The web admin: guards, then what needs no session, then the authentication, and behind it the API and the pages. What comes
 * after the authentication has `context.get('actor')`, and was let in by the table of permissions.ts.
 */
export function adminApp(dependencies: AdminDependencies): Hono<AdminEnvironment> {
  const { store, sessions, log } = dependencies;
  const app = new Hono<AdminEnvironment>();

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
  registerAssets(app);
  registerSignIn(app, dependencies);

  app.use(authentication(sessions));
  registerSignOut(app, dependencies);
  app.get('/events', (context) => changeEvents(context, store, () => sessions.alive(sessionOf(context))));
  app.route('/api/v1', apiRoutes(dependencies));
  registerPages(app, dependencies);
  return app;
}
