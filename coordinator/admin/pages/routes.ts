import type { Hono } from 'hono';
import { html } from 'hono/html';
import { routeTable } from '../../network/route-table.ts';
import type { NetworkRecord, NodeRecord } from '../../store/store.ts';
import { type Actor, type AdminEnvironment, includesRole } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { exitNodes } from './exit-nodes.ts';
import { layout } from './layout.ts';
import type { Fragment } from './parts/fragment.ts';
import { pageHead } from './parts/page-head.ts';
import { segments } from './segments.ts';
import { subnetRoutes } from './subnet-routes.ts';

/** What machines carry for others: subnet routes, exit nodes, layer 2 segments, broadcasts: `/routes`. */
export function registerRoutes(app: Hono<AdminEnvironment>, { store }: AdminDependencies): void {
  const content = async (actor: Actor) => {
    const { network, nodes } = await store.snapshot();
    return routes(network, nodes, includesRole(actor.role, 'admin'));
  };
  app.get('/routes', async (context) => {
    const actor = context.get('actor');
    const page = layout({
      title: 'Routes',
      actor,
      section: '/routes',
      body: html`${pageHead({
        title: 'Routes',
        about:
          'Networks and the Internet behind machines. What a machine offers counts when it is approved here or by the policy.',
      })}
      <div id="routes" class="stack" data-live="/routes/live">${await content(actor)}</div>`,
    });
    return context.html(page);
  });
  app.get('/routes/live', async (context) => context.html(await content(context.get('actor'))));
}

function routes(network: NetworkRecord, nodes: readonly NodeRecord[], mayChange: boolean): Fragment {
  return html`${subnetRoutes(routeTable(nodes), mayChange)}
    ${exitNodes(nodes, mayChange)}
    ${segments(nodes, network.settings, mayChange)}`;
}
