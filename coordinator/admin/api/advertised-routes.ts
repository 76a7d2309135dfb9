import { createRoute, z } from '@hono/zod-openapi';
import { isExitNode } from '../../network/grants.ts';
import { overlapWords } from '../../network/route-overlaps.ts';
import { routeTable } from '../../network/route-table.ts';
import { answers } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { comparePositions, Paging, pageAfter, pageOf } from './cursor.ts';

const Overlap = z.object({
  kind: z
    .enum(['overlaps', 'other-site'])
    .openapi({ description: '`other-site`: the same prefix, behind which another network is.' }),
  machine: z.string(),
  cidr: z.string(),
  words: z.string(),
});

const AdvertisedRoute = z
  .object({
    machine: z.object({ id: z.string(), name: z.string(), online: z.boolean() }),
    kind: z.enum(['subnet', 'exit']),
    cidr: z
      .string()
      .nullable()
      .openapi({ description: 'As the mesh has it. Null for an exit node, which carries all the rest.' }),
    sitePrefix: z
      .string()
      .nullable()
      .openapi({ description: 'What the hosts of that site have, where it is another.' }),
    offered: z.boolean().openapi({ description: 'By the machine, at the moment.' }),
    approved: z.boolean(),
    preferred: z
      .boolean()
      .openapi({ description: 'It goes before the alternatives. Never so of an exit node.' }),
    alternatives: z.array(z.string()).openapi({ description: 'Machines that carry the same network too.' }),
    usedBy: z.number().int().nullable().openapi({
      description:
        'How many connected machines say that they reach it by this machine now. Null while none says anything.',
    }),
    overlaps: z.array(Overlap).openapi({ description: 'What stands against it at other machines.' }),
  })
  .openapi('AdvertisedRoute');

type AdvertisedRouteView = z.infer<typeof AdvertisedRoute>;

const list = createRoute({
  method: 'get',
  path: '/routes',
  tags: ['Routes'],
  summary: 'List the routes that machines offer to carry',
  request: { query: Paging },
  responses: answers(200, 'Routes and exit nodes.', pageOf(AdvertisedRoute, 'AdvertisedRoutePage')),
});

export function addAdvertisedRoutes(api: Api, { store, mesh }: ApiDependencies): void {
  api.openapi(list, async (context) => {
    const nodes = await store.listNodes();
    const uses = mesh.telemetry.carrierUses;
    const subnets = routeTable(nodes).map(
      (row): AdvertisedRouteView => ({
        machine: { id: row.nodeId, name: row.node, online: row.online },
        kind: 'subnet',
        cidr: row.route,
        sitePrefix: row.sitePrefix,
        offered: row.offered,
        approved: row.approved,
        preferred: row.preferred,
        alternatives: [...row.alternatives],
        usedBy: uses.ofRoute(row.nodeId, row.route),
        overlaps: row.overlaps.map((overlap) => ({
          kind: overlap.kind,
          machine: overlap.node,
          cidr: overlap.route,
          words: overlapWords(overlap),
        })),
      }),
    );
    const exits = nodes.filter(({ offers, exitNodeApproved }) => offers.exitNode || exitNodeApproved);
    const carrying = exits.filter((node) => node.online && isExitNode(node));
    const routes = [
      ...subnets,
      ...exits.map(
        (node): AdvertisedRouteView => ({
          machine: { id: node.id, name: node.name, online: node.online },
          kind: 'exit',
          cidr: null,
          sitePrefix: null,
          offered: node.offers.exitNode,
          approved: node.exitNodeApproved,
          preferred: false,
          alternatives: carrying.filter(({ id }) => id !== node.id).map(({ name }) => name),
          usedBy: uses.ofExit(node.id),
          overlaps: [],
        }),
      ),
    ];
    const positionOf = ({ machine, cidr }: AdvertisedRouteView) =>
      [cidr ?? '', machine.name, machine.id] as const;
    routes.sort((a, b) => comparePositions(positionOf(a), positionOf(b)));
    return context.json(pageAfter(routes, positionOf, context.req.valid('query')), 200);
  });
}
