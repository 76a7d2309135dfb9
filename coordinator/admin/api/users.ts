import { createRoute, z } from '@hono/zod-openapi';
import { WarrenError } from '../../../shared/errors.ts';
import { canonicalUserName } from '../../network/user-names.ts';
import type { AccountDecision, UserRecord } from '../../store/accounts/accounts.ts';
import type { Store } from '../../store/store.ts';
import { welcomeLink } from '../accounts/links.ts';
import type { Actor } from '../actor.ts';
import { ownOrigin } from '../connection.ts';
import { answers, body, done } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { Paging, pageAfter, pageOf } from './cursor.ts';
import { checkIfMatch } from './entity-tag.ts';
import { isoTime, Text, Time } from './values.ts';

const tags = ['Accounts'];

export const RoleName = z.enum(['owner', 'admin', 'auditor']);

const User = z
  .object({
    id: z.string(),
    name: z.string().openapi({ description: 'For signing in and for the policy.' }),
    displayName: z.string(),
    role: RoleName,
    disabled: z.boolean(),
    managed: z.boolean().openapi({ description: "Whether its provider's groups decide the role." }),
    groups: z.array(z.string()).openapi({ description: 'Of its provider.' }),
    hasPassphrase: z.boolean(),
    hasTotp: z.boolean(),
    createdAt: Time,
    lastSignInAt: Time.nullable(),
  })
  .openapi('User');

const NewUserBody = z
  .strictObject({
    name: z
      .string()
      .refine(
        (text) => canonicalUserName(text) !== null,
        'letters, digits, dots and hyphens, such as ada or ada@example.com',
      )
      .openapi({ example: 'ada@example.com' }),
    displayName: Text(128).default(''),
    role: RoleName.default('auditor'),
  })
  .openapi('NewUser');

const Patch = z
  .strictObject({ displayName: Text(128), role: RoleName, disabled: z.boolean() })
  .partial()
  .openapi('UserPatch');

const Link = z.object({
  link: z.string().openapi({ description: 'Sets a passphrase and signs in; shown once, good once.' }),
});

const UserId = z.object({ id: z.string().max(64) });

const list = createRoute({
  method: 'get',
  path: '/users',
  tags,
  summary: 'List accounts by name',
  request: { query: Paging },
  responses: answers(200, 'Accounts.', pageOf(User, 'UserPage')),
});
const get = createRoute({
  method: 'get',
  path: '/users/{id}',
  tags,
  summary: 'Show an account',
  request: { params: UserId },
  responses: answers(200, 'The account.', User),
});
const create = createRoute({
  method: 'post',
  path: '/users',
  tags,
  summary: 'Invite somebody',
  description: 'Makes an account without a passphrase, and the link with which its owner sets one.',
  request: { body: body(NewUserBody) },
  responses: answers(201, 'The account and its link.', Link.extend({ user: User }).openapi('Invitation')),
});
const patch = createRoute({
  method: 'patch',
  path: '/users/{id}',
  tags,
  summary: 'Change an account',
  description: 'Disabling ends all sessions. The last owner stays one.',
  request: { params: UserId, body: body(Patch) },
  responses: answers(200, 'The account as it is now.', User),
});
const remove = createRoute({
  method: 'delete',
  path: '/users/{id}',
  tags,
  summary: 'Remove an account',
  description: 'With sessions, API keys and join tokens. Machines stay and are nobody’s.',
  request: { params: UserId },
  responses: done('It is gone.'),
});
const link = createRoute({
  method: 'post',
  path: '/users/{id}/link',
  tags,
  summary: 'Make a link for a new passphrase',
  request: {
    params: UserId,
    body: body(
      z
        .strictObject({
          reset: z.boolean().default(false).openapi({
            description: 'Takes passphrase, second factor, passkeys and sessions away before.',
          }),
        })
        .openapi('NewLink'),
    ),
  },
  responses: answers(201, 'The link.', Link.openapi('Link')),
});
const signOut = createRoute({
  method: 'delete',
  path: '/users/{id}/sessions',
  tags,
  summary: 'End all sessions of an account',
  request: { params: UserId },
  responses: done('They ended.'),
});

/** The people who administer the network. */
export function addUsers(api: Api, { store, clock, tickets }: ApiDependencies): void {
  const invite = (context: Parameters<typeof ownOrigin>[0], user: UserRecord) =>
    welcomeLink({ store, tickets, base: ownOrigin(context), now: clock.wall() }, user, context.get('actor'));

  api.openapi(list, async (context) => {
    const page = pageAfter(
      await store.accounts.listUsers(),
      ({ name }) => [name],
      context.req.valid('query'),
      false,
    );
    return context.json({ ...page, items: page.items.map(userView) }, 200);
  });
  api.openapi(get, async (context) =>
    context.json(userView(await userOf(store, context.req.valid('param').id)), 200),
  );
  api.openapi(create, async (context) => {
    const by = decision(context.get('actor'), clock.wall());
    const user = await store.accounts.createUser({ ...context.req.valid('json'), passphraseHash: null }, by);
    return context.json({ user: userView(user), link: await invite(context, user) }, 201);
  });
  api.openapi(patch, async (context) => {
    const user = await store.accounts.changeUser(
      context.req.valid('param').id,
      context.req.valid('json'),
      decision(context.get('actor'), clock.wall()),
      (before) => checkIfMatch(context, userView(before)),
    );
    return context.json(userView(user), 200);
  });
  api.openapi(remove, async (context) => {
    const by = decision(context.get('actor'), clock.wall());
    await store.accounts.removeUser(context.req.valid('param').id, by);
    return context.body(null, 204);
  });
  api.openapi(link, async (context) => {
    const user = await userOf(store, context.req.valid('param').id);
    if (context.req.valid('json').reset) {
      await store.accounts.resetCredentials(user.id, decision(context.get('actor'), clock.wall()));
    } else if (user.disabled) {
      throw new WarrenError('conflict', `the account ${user.name} is disabled`, { hint: 'enable it first' });
    }
    return context.json({ link: await invite(context, user) }, 201);
  });
  api.openapi(signOut, async (context) => {
    const by = decision(context.get('actor'), clock.wall());
    await store.accounts.endSessions(context.req.valid('param').id, null, by);
    return context.body(null, 204);
  });
}

/** Who changes accounts, as the store asks for it. */
export function decision(actor: Actor, now: number): AccountDecision {
  return { actor: actor.actor, source: actor.source, userId: actor.userId, now };
}

/** An account as the API shows it. */
export function userView(user: UserRecord): z.infer<typeof User> {
  const { id, name, displayName, role, disabled, hasPassphrase, hasTotp } = user;
  return {
    id,
    name,
    displayName,
    role,
    disabled,
    managed: user.isManaged,
    groups: [...user.groups],
    hasPassphrase,
    hasTotp,
    createdAt: isoTime(user.createdAt),
    lastSignInAt: user.lastSignInAt === 0 ? null : isoTime(user.lastSignInAt),
  };
}

async function userOf(store: Store, id: string): Promise<UserRecord> {
  const user = await store.accounts.user(id);
  if (user !== null) return user;
  throw new WarrenError('not-found', `there is no user ${JSON.stringify(id)}`);
}
