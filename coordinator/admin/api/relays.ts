import { createRoute, z } from '@hono/zod-openapi';
import { isOwnRelayId } from '../../relay/own-relay.ts';
import { answers, done } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { Paging, pageAfter, pageOf } from './cursor.ts';
import { isoTime, Time } from './values.ts';

const tags = ['Relays'];

const Relay = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(['coordinator', 'relay']).openapi({ description: 'A coordinator is one by itself.' }),
    urls: z.array(z.string()),
    stunServers: z.array(z.object({ host: z.string(), port: z.int(), alternatePort: z.int() })),
    createdAt: Time,
    lastSeenAt: Time,
  })
  .openapi('Relay');

const list = createRoute({
  method: 'get',
  path: '/relays',
  tags,
  summary: 'List relays',
  request: { query: Paging },
  responses: answers(200, 'Relays, those of coordinators among them.', pageOf(Relay, 'RelayPage')),
});

const remove = createRoute({
  method: 'delete',
  path: '/relays/{id}',
  tags,
  summary: 'Remove a relay',
  description: 'It serves nobody any more, and has to be enrolled anew with a token.',
  request: { params: z.object({ id: z.string().max(64) }) },
  responses: done('It is gone.'),
});

export function addRelays(api: Api, { store, clock }: ApiDependencies): void {
  api.openapi(list, async (context) => {
    const relays = (await store.listRelays()).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const page = pageAfter(relays, ({ id }) => [id], context.req.valid('query'));
    const items = page.items.map(({ id, name, urls, stunServers, createdAt, lastSeenAt }) => ({
      id,
      name,
      kind: isOwnRelayId(id) ? ('coordinator' as const) : ('relay' as const),
      urls,
      stunServers,
      createdAt: isoTime(createdAt),
      lastSeenAt: isoTime(lastSeenAt),
    }));
    return context.json({ ...page, items }, 200);
  });

  api.openapi(remove, async (context) => {
    await store.removeRelay(context.req.valid('param').id, clock.wall(), context.get('actor'));
    return context.body(null, 204);
  });
}
