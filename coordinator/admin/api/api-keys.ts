import { createRoute, z } from '@hono/zod-openapi';
import type { ApiKeyRecord } from '../../store/accounts/accounts.ts';
import { SCOPES } from '../permissions.ts';
import { answers, body, done } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { Paging, pageAfter, pageOf } from './cursor.ts';
import { decision, RoleName } from './users.ts';
import { isoTime, Text, Time } from './values.ts';

const tags = ['Accounts'];
const DAY = 24 * 3_600;

const ApiKey = z
  .object({
    id: z.string(),
    name: z.string(),
    owner: z.string().openapi({ description: 'The account that it acts for, and ends with.' }),
    role: RoleName,
    scopes: z.array(z.string()),
    createdAt: Time,
    expiresAt: Time.nullable(),
    lastUsedAt: Time.nullable(),
  })
  .openapi('ApiKey');

const NewApiKeyBody = z
  .strictObject({
    name: Text(64).min(1, 'expected a name'),
    role: RoleName.default('admin').openapi({
      description: 'Never more than that of the account at the time of use.',
    }),
    scopes: z
      .array(z.enum(SCOPES as [string, ...string[]], { error: `expected one of ${SCOPES.join(', ')}` }))
      .min(1, 'expected one scope or more')
      .openapi({ description: '`AREA:write` includes `AREA:read`; `*` is all that the role allows.' }),
    expiresIn: z
      .int('expected whole seconds')
      .min(60, 'expected a minute (60) or more')
      .max(5 * 365 * DAY, 'expected five years or less')
      .nullable()
      .default(90 * DAY)
      .openapi({ description: 'Seconds; null for never.' }),
  })
  .openapi('NewApiKey');

const list = createRoute({
  method: 'get',
  path: '/api-keys',
  tags,
  summary: 'List API keys',
  request: { query: Paging },
  responses: answers(200, 'Keys, never their secrets.', pageOf(ApiKey, 'ApiKeyPage')),
});
const create = createRoute({
  method: 'post',
  path: '/api-keys',
  tags,
  summary: 'Make an API key',
  description: 'It acts for whoever makes it, within its role and scopes.',
  request: { body: body(NewApiKeyBody) },
  responses: answers(
    201,
    'The key.',
    z
      .object({ key: ApiKey, secret: z.string().openapi({ description: 'Shown this once.' }) })
      .openapi('MadeApiKey'),
  ),
});
const remove = createRoute({
  method: 'delete',
  path: '/api-keys/{id}',
  tags,
  summary: 'Remove an API key',
  request: { params: z.object({ id: z.string().max(64) }) },
  responses: done('It opens nothing any more.'),
});

/** Keys for programs that use this API. */
export function addApiKeys(api: Api, { store, clock, apiKeys }: ApiDependencies): void {
  api.openapi(list, async (context) => {
    const names = await ownerNames();
    const page = pageAfter(
      await store.accounts.listApiKeys(),
      ({ createdAt, id }) => [createdAt, id],
      context.req.valid('query'),
      false,
    );
    return context.json({ ...page, items: page.items.map((key) => keyView(key, names)) }, 200);
  });
  api.openapi(create, async (context) => {
    const { expiresIn, ...rest } = context.req.valid('json');
    const actor = context.get('actor');
    const now = clock.wall();
    const expiresAt = expiresIn === null ? 0 : now + expiresIn * 1_000;
    const { key, secret } = await apiKeys.create(
      { ...rest, userId: actor.userId, expiresAt },
      decision(actor, now),
    );
    return context.json({ key: keyView(key, await ownerNames()), secret }, 201);
  });
  api.openapi(remove, async (context) => {
    const by = decision(context.get('actor'), clock.wall());
    await store.accounts.removeApiKey(context.req.valid('param').id, by);
    return context.body(null, 204);
  });

  async function ownerNames(): Promise<ReadonlyMap<string, string>> {
    return new Map((await store.accounts.listUsers()).map(({ id, name }) => [id, name]));
  }
}

function keyView(key: ApiKeyRecord, names: ReadonlyMap<string, string>): z.infer<typeof ApiKey> {
  return {
    id: key.id,
    name: key.name,
    owner: names.get(key.userId) ?? '',
    role: key.role,
    scopes: [...key.scopes],
    createdAt: isoTime(key.createdAt),
    expiresAt: key.expiresAt === 0 ? null : isoTime(key.expiresAt),
    lastUsedAt: key.lastUsedAt === 0 ? null : isoTime(key.lastUsedAt),
  };
}
