import type { Hono } from 'hono';
import { html } from 'hono/html';
import { routeTable } from '../../network/route-table.ts';
import type { NetworkRecord } from '../../store/contract/network.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import type { CarrierUses } from '../../telemetry/carrier-uses.ts';
import { type Actor, type AdminEnvironment, includesRole } from '../actor.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { exitNodes } from './exit-nodes.ts';
import { layout } from './layout.ts';
import type { Fragment } from './parts/fragment.ts';
import { icon } from './parts/icon.ts';
import { pageHead } from './parts/page-head.ts';
import { segments } from './segments.ts';
import { subnetRoutes } from './subnet-routes.ts';

/** What machines carry for others: subnet routes, exit nodes, layer 2 segments, broadcasts: `/routes`. */
export function registerRoutes(app: Hono<AdminEnvironment>, { store, mesh }: AdminDependencies): void {
  const content = async (actor: Actor, search: string) => {
    const { network, nodes } = await store.snapshot();
    const uses = mesh.telemetry.carrierUses;
    return routes(network, nodes, uses, search.toLowerCase().trim(), includesRole(actor.role, 'admin'));
  };
  app.get('/routes', async (context) => {
    const actor = context.get('actor');
    const search = context.req.query('search') ?? '';
    const query = search === '' ? '' : `?${new URLSearchParams({ search })}`;
    const page = layout({
      title: 'Routes',
      actor,
      section: '/routes',
      scripts: ['filter.js', 'paths-live.js'],
      body: html`${pageHead({
        title: 'Routes',
        about:
          'Networks and the Internet behind machines. What a machine offers counts when it is approved here or by the policy.',
      })}
      <form class="toolbar" role="search" method="get" action="/routes" data-filter="routes" data-filter-path="/routes/live">
        <div class="search">
          ${icon('search')}
          <input type="search" name="search" value="${search}" placeholder="Network, machine, segment …"
            aria-label="Search routes" autocomplete="off" spellcheck="false">
        </div>
      </form>
      <div id="routes" class="stack" data-live="/routes/live${query}" data-live-on="changed paths">${await content(actor, search)}</div>`,
    });
    return context.html(page);
  });
  app.get('/routes/live', async (context) =>
    context.html(await content(context.get('actor'), context.req.query('search') ?? '')),
  );
}

/** `search`: in lower case; empty for all. */
function routes(
  network: NetworkRecord,
  nodes: readonly NodeRecord[],
  uses: CarrierUses,
  search: string,
  mayChange: boolean,
): Fragment {
  const has = (...texts: (string | null)[]) => texts.some((text) => text?.toLowerCase().includes(search));
  const rows = routeTable(nodes).filter(({ route, sitePrefix, node }) => has(route, sitePrefix, node));
  const wanted = nodes.filter(({ name, offeredSegments, approvedSegments }) =>
    has(name, ...offeredSegments, ...approvedSegments),
  );
  return html`${subnetRoutes(rows, uses, search !== '', mayChange)}
    ${exitNodes(wanted, uses, mayChange)}
    ${segments(wanted, network.settings, mayChange)}`;
}
