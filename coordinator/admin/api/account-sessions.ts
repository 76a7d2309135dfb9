import { createRoute, z } from '@hono/zod-openapi';
import { Passkeys } from '../accounts/passkeys.ts';
import { ownOrigin } from '../connection.ts';
import { knowBrowser } from '../sign-in/enter.ts';
import { ownAccount } from './account.ts';
import { PasskeyQuestion } from './account-confirmation.ts';
import { answers, body, done } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { decision } from './users.ts';
import { isoTime, Text, Time } from './values.ts';

const tags = ['Own account'];

const Session = z
  .object({
    id: z.string(),
    current: z.boolean().openapi({ description: 'Whether it is the one that asks.' }),
    method: z.string(),
    address: z.string(),
    userAgent: z.string(),
    createdAt: Time,
    lastUsedAt: Time,
  })
  .openapi('Session');

const Passkey = z
  .object({
    id: z.string(),
    name: z.string(),
    host: z.string(),
    createdAt: Time,
    lastUsedAt: Time.nullable(),
  })
  .openapi('Passkey');

const Id = z.object({ id: z.string().max(1_400) });

const listSessions = createRoute({
  method: 'get',
  path: '/account/sessions',
  tags,
  summary: 'List sessions',
  responses: answers(200, 'Where this account is signed in.', z.object({ items: z.array(Session) })),
});
const endSession = createRoute({
  method: 'delete',
  path: '/account/sessions/{id}',
  tags,
  summary: 'End a session',
  request: { params: Id },
  responses: done('It ended.'),
});
const endSessions = createRoute({
  method: 'delete',
  path: '/account/sessions',
  tags,
  summary: 'Sign out everywhere',
  request: {
    query: z.object({
      others: z.enum(['true', 'false']).default('false').openapi({
        type: 'boolean',
        description: 'All but the one that asks.',
      }),
    }),
  },
  responses: done('They ended.'),
});
const listPasskeys = createRoute({
  method: 'get',
  path: '/account/passkeys',
  tags,
  summary: 'List passkeys',
  responses: answers(200, 'Passkeys of this account.', z.object({ items: z.array(Passkey) })),
});
const beginPasskey = createRoute({
  method: 'post',
  path: '/account/passkeys/options',
  tags,
  summary: 'Begin to add a passkey',
  responses: answers(
    200,
    'What navigator.credentials.create() is asked, as JSON (WebAuthn 3, 5.1.8).',
    PasskeyQuestion,
  ),
});
const addPasskey = createRoute({
  method: 'post',
  path: '/account/passkeys',
  tags,
  summary: 'Add a passkey',
  request: {
    body: body(
      z
        .strictObject({
          ticket: z.string().max(128),
          name: Text(64).default(''),
          response: z.looseObject({ id: z.string() }).openapi({
            description: 'What navigator.credentials.create() gave, as JSON.',
          }),
        })
        .openapi('NewPasskey'),
    ),
  },
  responses: answers(201, 'The passkey.', Passkey),
});
const removePasskey = createRoute({
  method: 'delete',
  path: '/account/passkeys/{id}',
  tags,
  summary: 'Remove a passkey',
  request: { params: Id },
  responses: done('It opens nothing any more.'),
});

/** Sessions and passkeys of one's own account. */
export function addAccountSessions(api: Api, dependencies: ApiDependencies): void {
  const { store, clock, tickets } = dependencies;
  const passkeys = new Passkeys(store, tickets, clock);

  api.openapi(listSessions, async (context) => {
    const own = context.get('session')?.id;
    const items = (await store.accounts.listSessions(context.get('actor').userId)).map((session) => ({
      id: session.id,
      current: session.id === own,
      method: session.method,
      address: session.address,
      userAgent: session.userAgent,
      createdAt: isoTime(session.createdAt),
      lastUsedAt: isoTime(session.usedAt),
    }));
    return context.json({ items }, 200);
  });
  api.openapi(endSession, async (context) => {
    const actor = context.get('actor');
    const { id } = context.req.valid('param');
    await store.accounts.endSession(actor.userId, id, decision(actor, clock.wall()));
    return context.body(null, 204);
  });
  api.openapi(endSessions, async (context) => {
    const actor = context.get('actor');
    const keep = context.req.valid('query').others === 'true' ? (context.get('session')?.id ?? null) : null;
    await store.accounts.endSessions(actor.userId, keep, decision(actor, clock.wall()));
    if (keep !== null) await knowBrowser(context, dependencies, actor.userId);
    return context.body(null, 204);
  });

  api.openapi(listPasskeys, async (context) => {
    const items = (await store.accounts.listPasskeys(context.get('actor').userId)).map(passkeyView);
    return context.json({ items }, 200);
  });
  api.openapi(beginPasskey, async (context) => {
    const user = await ownAccount(context, dependencies);
    const { options, ticket } = await passkeys.beginRegistration(user, ownOrigin(context));
    return context.json({ options: { ...options }, ticket }, 200);
  });
  api.openapi(addPasskey, async (context) => {
    const user = await ownAccount(context, dependencies);
    const by = decision(context.get('actor'), clock.wall());
    return context.json(
      passkeyView(await passkeys.finishRegistration(user, context.req.valid('json'), by)),
      201,
    );
  });
  api.openapi(removePasskey, async (context) => {
    const actor = context.get('actor');
    const { id } = context.req.valid('param');
    await store.accounts.removePasskey(actor.userId, id, decision(actor, clock.wall()));
    return context.body(null, 204);
  });
}

function passkeyView(passkey: {
  id: string;
  name: string;
  relyingParty: string;
  createdAt: number;
  lastUsedAt: number;
}): z.infer<typeof Passkey> {
  const { id, name, relyingParty, createdAt, lastUsedAt } = passkey;
  return {
    id,
    name,
    host: relyingParty,
    createdAt: isoTime(createdAt),
    lastUsedAt: lastUsedAt === 0 ? null : isoTime(lastUsedAt),
  };
}
