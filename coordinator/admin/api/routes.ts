import { Hono } from 'hono';
import type { AdminEnvironment } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';

/** Everything under /api/v1. Whoever gets here was let in by the authentication, for this method and path. */
export function apiRoutes(_dependencies: AdminDependencies): Hono<AdminEnvironment> {
  const api = new Hono<AdminEnvironment>();
  api.get('/me', (context) => {
    const { actor, role, scopes } = context.get('actor');
    return context.json({ name: actor, role, scopes });
  });
  return api;
}
