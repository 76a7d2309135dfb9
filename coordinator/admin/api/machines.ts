import { createRoute, z } from '@hono/zod-openapi';
import { WarrenError } from '../../../shared/errors.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import type { Store } from '../../store/store.ts';
import { answers, body, done } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { comparePositions, Paging, type Position, pageAfter, pageOf } from './cursor.ts';
import { checkIfMatch } from './entity-tag.ts';
import { Machine, machineView } from './machine-view.ts';
import { MachineName, Tag, Tags, Time } from './values.ts';

const tags = ['Machines'];

export const MachineId = z.object({
  id: z.string().max(64).openapi({ description: 'Id of the machine.', example: '5b8f3c0e9a4d7f216c3b' }),
});

const Flag = z.enum(['true', 'false']).transform((text) => text === 'true');

const ListQuery = Paging.extend({
  search: z
    .string()
    .max(256)
    .optional()
    .openapi({ description: 'A part of the name, an address, a tag or the owner; or the id.' }),
  tag: Tag.optional(),
  online: Flag.optional().openapi({ type: 'boolean' }),
  state: z.enum(['member', 'unapproved', 'disabled', 'expired']).optional(),
  sort: z
    .enum(['name', '-name', 'lastSeenAt', '-lastSeenAt', 'createdAt', '-createdAt'])
    .default('name')
    .openapi({ description: 'A minus sign turns the order round.' }),
});

const Patch = z
  .strictObject({
    name: MachineName,
    tags: Tags,
    keyExpiresAt: Time.nullable().openapi({ description: 'When its key ends; null for never.' }),
    approved: z.boolean(),
    disabled: z.boolean(),
  })
  .partial()
  .openapi('MachinePatch');

const list = createRoute({
  method: 'get',
  path: '/machines',
  tags,
  summary: 'List machines',
  request: { query: ListQuery },
  responses: answers(200, 'Machines of the network.', pageOf(Machine, 'MachinePage')),
});

const get = createRoute({
  method: 'get',
  path: '/machines/{id}',
  tags,
  summary: 'Show a machine',
  request: { params: MachineId },
  responses: answers(200, 'The machine.', Machine),
});

const patch = createRoute({
  method: 'patch',
  path: '/machines/{id}',
  tags,
  summary: 'Change a machine',
  description:
    'Changes what is given, all of it or nothing. With If-Match only if the machine is still as it was read.',
  request: { params: MachineId, body: body(Patch) },
  responses: answers(200, 'The machine as it is now.', Machine),
});

const remove = createRoute({
  method: 'delete',
  path: '/machines/{id}',
  tags,
  summary: 'Remove a machine for good',
  request: { params: MachineId },
  responses: done('It is gone.'),
});

/** The members of the network. */
export function addMachines(api: Api, { store, clock }: ApiDependencies): void {
  api.openapi(list, async (context) => {
    const { search, tag, online, state, sort, cursor, limit } = context.req.valid('query');
    const now = clock.wall();
    const isWanted = (node: NodeRecord) =>
      (tag === undefined || node.tags.includes(tag)) &&
      (online === undefined || node.online === online) &&
      (search === undefined || matches(node, search.toLowerCase())) &&
      (state === undefined || machineView(node, now).state === state);
    const descending = sort.startsWith('-');
    const key = sort.replace('-', '') as 'name' | 'lastSeenAt' | 'createdAt';
    const positionOf = (node: NodeRecord): Position => [node[key], node.id];
    const nodes = (await store.listNodes())
      .filter(isWanted)
      .sort((a, b) => comparePositions(positionOf(a), positionOf(b)) * (descending ? -1 : 1));
    const page = pageAfter(nodes, positionOf, { cursor, limit }, descending);
    return context.json({ ...page, items: page.items.map((node) => machineView(node, now)) }, 200);
  });

  api.openapi(get, async (context) => {
    const node = await machineOf(store, context.req.valid('param').id);
    return context.json(machineView(node, clock.wall()), 200);
  });

  api.openapi(patch, async (context) => {
    const { keyExpiresAt, ...rest } = context.req.valid('json');
    const now = clock.wall();
    const wanted = {
      ...rest,
      ...(keyExpiresAt === undefined
        ? {}
        : { keyExpiresAt: keyExpiresAt === null ? 0 : Math.max(1, Date.parse(keyExpiresAt)) }),
    };
    const { id } = context.req.valid('param');
    const node = await store.changeNode(id, wanted, now, context.get('actor'), (before) =>
      checkIfMatch(context, machineView(before, now)),
    );
    return context.json(machineView(node, now), 200);
  });

  api.openapi(remove, async (context) => {
    await store.removeNode(context.req.valid('param').id, clock.wall(), context.get('actor'));
    return context.body(null, 204);
  });
}

/** The machine of an id. Throws `not-found`. */
export async function machineOf(store: Store, id: string): Promise<NodeRecord> {
  const node = await store.node(id);
  if (node !== null) return node;
  throw new WarrenError('not-found', `there is no machine ${JSON.stringify(id)}`);
}

function matches(node: NodeRecord, search: string): boolean {
  const texts = [node.name, node.address4, node.address6, node.owner, ...node.tags];
  return node.id === search || texts.some((text) => text.toLowerCase().includes(search));
}
