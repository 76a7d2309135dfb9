import { createRoute, z } from '@hono/zod-openapi';
import { answers } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { Machine, machineView } from './machine-view.ts';
import { MachineId, machineOf } from './machines.ts';
import { Cidr } from './values.ts';

const tags = ['Machines'];
const machine = answers(200, 'The machine as it is now.', Machine);
const RouteParams = MachineId.extend({ cidr: Cidr });
const SegmentParams = MachineId.extend({ segment: z.string().max(64).openapi({ example: 'lab' }) });

const routes = (method: 'put' | 'delete') =>
  createRoute({
    method,
    path: '/machines/{id}/routes/{cidr}',
    tags,
    summary: method === 'put' ? 'Approve a route that it offers' : 'Take the approval of a route back',
    request: { params: RouteParams },
    responses: machine,
  });

const preferred = (method: 'put' | 'delete') =>
  createRoute({
    method,
    path: '/machines/{id}/routes/{cidr}/preferred',
    tags,
    summary:
      method === 'put'
        ? 'Prefer it to the other machines that carry a route, in the place of whichever was'
        : 'No longer prefer it for a route',
    request: { params: RouteParams },
    responses: machine,
  });

const exitNode = (method: 'put' | 'delete') =>
  createRoute({
    method,
    path: '/machines/{id}/exit-node',
    tags,
    summary: method === 'put' ? 'Approve it as an exit node' : 'Take the approval as an exit node back',
    request: { params: MachineId },
    responses: machine,
  });

const segments = (method: 'put' | 'delete') =>
  createRoute({
    method,
    path: '/machines/{id}/segments/{segment}',
    tags,
    summary: method === 'put' ? 'Let it be a part of a segment' : 'Take it out of a segment',
    request: { params: SegmentParams },
    responses: machine,
  });

/** What a machine offers or asks for, and an administrator grants. Doing it twice is doing it once. */
export function addGrants(api: Api, { store, clock }: ApiDependencies): void {
  const show = async (id: string) => machineView(await machineOf(store, id), clock.wall());
  for (const method of ['put', 'delete'] as const) {
    const approved = method === 'put';
    api.openapi(routes(method), async (context) => {
      const { id, cidr } = context.req.valid('param');
      await store.approveRoute(id, cidr, approved, clock.wall(), context.get('actor'));
      return context.json(await show(id), 200);
    });
    api.openapi(preferred(method), async (context) => {
      const { id, cidr } = context.req.valid('param');
      await store.preferRoute(id, cidr, method === 'put', clock.wall(), context.get('actor'));
      return context.json(await show(id), 200);
    });
    api.openapi(exitNode(method), async (context) => {
      const { id } = context.req.valid('param');
      await store.approveExitNode(id, approved, clock.wall(), context.get('actor'));
      return context.json(await show(id), 200);
    });
    api.openapi(segments(method), async (context) => {
      const { id, segment } = context.req.valid('param');
      await store.approveSegment(id, segment, approved, clock.wall(), context.get('actor'));
      return context.json(await show(id), 200);
    });
  }
}
