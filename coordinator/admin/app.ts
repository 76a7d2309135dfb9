import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { describeError, WarrenError } from '../../shared/errors.ts';
import type { AdminEnvironment } from './actor.ts';
import { problemOf, STATUS } from './api/problem.ts';
import { apiRoutes } from './api/routes.ts';
import { registerAssets } from './assets.ts';
import { authentication } from './authentication.ts';
import { confirmation } from './confirmation.ts';
import { connection } from './connection.ts';
import type { AdminDependencies } from './dependencies.ts';
import { changeEvents } from './events.ts';
import { endUnsent, hostGuard, originGuard, securityHeaders } from './guards.ts';
import { localMetrics, measureRequests, metricsPage } from './metrics-page.ts';
import { registerPages } from './pages/register.ts';
import { registerSignIn } from './sign-in/register.ts';

/**
 * The web admin: guards, then what needs no session, then the authentication, and behind it the API and the pages. What comes
 * after the authentication has `context.get('actor')`, and was let in by the table of permissions.ts.
 */
export function adminApp(dependencies: AdminDependencies): Hono<AdminEnvironment> {
  const { store, log, metrics } = dependencies;
  const app = new Hono<AdminEnvironment>();

  app.use(connection(dependencies.trustedProxies), measureRequests(metrics), endUnsent);
  app.use(securityHeaders, hostGuard(dependencies.hostNames), originGuard);
  // The API has limits of its own, by what comes in.
  const limit = bodyLimit({ maxSize: 64 * 1024 });
  app.use((context, next) => (context.req.path.startsWith('/api/v1/') ? next() : limit(context, next)));
  app.onError((error, context) => {
    if (context.req.path.startsWith('/api/')) return problemOf(context, error, log);
    if (error instanceof WarrenError && STATUS[error.code] < 500) {
      return context.text(`${describeError(error)}\n`, STATUS[error.code]);
    }
    if (error instanceof HTTPException && error.status < 500) {
      return context.text(
        error.status === 413 ? 'That is too large.\n' : 'The request is refused.\n',
        error.status,
      );
    }
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
  app.get('/metrics', localMetrics(metrics));
  registerAssets(app);
  registerSignIn(app, dependencies);

  app.use(authentication(dependencies), confirmation);
  app.get('/metrics', metricsPage(metrics));
  app.get('/events', (context) => changeEvents(context, store, context.get('isStillIn')));
  app.route('/api/v1', apiRoutes(dependencies));
  registerPages(app, dependencies);
  return app;
}
