import type { Context, Handler, MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { Metrics } from '../metrics.ts';
import type { AdminEnvironment } from './actor.ts';
import { remoteAddress } from './connection.ts';

/** Headers by which a proxy on this host tells that somebody else asks. */
const FORWARDED = ['Forwarded', 'X-Forwarded-For', 'X-Real-IP', 'Via'];

/** Measures every request, under the pattern of its route: a path that a client thought up makes no series of its own. */
export function measureRequests(metrics: Metrics): MiddlewareHandler {
  return async (context, next) => {
    const began = performance.now();
    await next();
    // Of the handler that was reached last.
    const route = routePath(context);
    metrics.request(
      context.req.method,
      route.includes('*') ? 'other' : route,
      context.res.status,
      (performance.now() - began) / 1_000,
    );
  };
}

/** For Prometheus on this very host, which needs no key; whoever else asks goes on to the authentication. */
export function localMetrics(metrics: Metrics): MiddlewareHandler<AdminEnvironment> {
  return async (context, next) => (isLocal(context) ? answer(context, metrics) : next());
}

/** For whoever was let in, by a key with the scope metrics:read say. */
export function metricsPage(metrics: Metrics): Handler {
  return (context) => answer(context, metrics);
}

async function answer(context: Context, metrics: Metrics): Promise<Response> {
  return context.body(await metrics.text(), 200, { 'Content-Type': metrics.contentType });
}

function isLocal(context: Context<AdminEnvironment>): boolean {
  const address = remoteAddress(context);
  const isLoopback = address === '::1' || address.startsWith('127.');
  return isLoopback && FORWARDED.every((name) => context.req.header(name) === undefined);
}
