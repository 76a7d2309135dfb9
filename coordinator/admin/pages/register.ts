import type { Hono } from 'hono';
import type { AdminEnvironment } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { machinesPage, machinesTable } from './machines.ts';

/** The pages of the network. Whoever gets here was let in by the authentication. */
export function registerPages(app: Hono<AdminEnvironment>, { store, clock }: AdminDependencies): void {
  app.get('/', async (context) =>
    context.html(machinesPage(context.get('actor'), await store.listNodes(), clock.wall())),
  );
  app.get('/machines/table', async (context) =>
    context.html(machinesTable(await store.listNodes(), clock.wall())),
  );
}
