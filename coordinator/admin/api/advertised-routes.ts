import { createRoute, z } from '@hono/zod-openapi';
import { answers } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { comparePositions, Paging, pageAfter, pageOf } from './cursor.ts';

const AdvertisedRoute = z
  .object({
    machine: z.object({ id: z.string(), name: z.string(), online: z.boolean() }),
    kind: z.enum(['subnet', 'exit']),
    cidr: z
      .string()
      .nullable()
      .openapi({ description: 'Null for an exit node, which carries all the rest.' }),
    offered: z.boolean().openapi({ description: 'By the machine, at the moment.' }),
    approved: z.boolean(),
  })
  .openapi('AdvertisedRoute');

const list = createRoute({
  method: 'get',
  path: '/routes',
  tags: ['Routes'],
  summary: 'List the routes that machines offer to carry',
  request: { query: Paging },
  responses: answers(200, 'Routes and exit nodes.', pageOf(AdvertisedRoute, 'AdvertisedRoutePage')),
});

export function addAdvertisedRoutes(api: Api, { store }: ApiDependencies): void {
  api.openapi(list, async (context) => {
    const routes = (await store.listNodes()).flatMap((node): z.infer<typeof AdvertisedRoute>[] => {
      const machine = { id: node.id, name: node.name, online: node.online };
      const isExit = node.offers.exitNode || node.exitNodeApproved;
      return [
        ...new Set([...node.offers.routes, ...node.approvedRoutes]).values().map((cidr) => ({
          machine,
          kind: 'subnet' as const,
          cidr,
          offered: node.offers.routes.includes(cidr),
          approved: node.approvedRoutes.includes(cidr),
        })),
        ...(isExit
          ? [
              {
                machine,
                kind: 'exit' as const,
                cidr: null,
                offered: node.offers.exitNode,
                approved: node.exitNodeApproved,
              },
            ]
          : []),
      ];
    });
    const positionOf = ({ machine, cidr }: z.infer<typeof AdvertisedRoute>) =>
      [cidr ?? '', machine.name, machine.id] as const;
    routes.sort((a, b) => comparePositions(positionOf(a), positionOf(b)));
    return context.json(pageAfter(routes, positionOf, context.req.valid('query')), 200);
  });
}
