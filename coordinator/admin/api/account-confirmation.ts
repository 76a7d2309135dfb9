import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { WarrenError } from '../../../shared/errors.ts';
import type { SessionRecord } from '../../store/accounts/accounts.ts';
import { Passkeys } from '../accounts/passkeys.ts';
import type { AdminEnvironment } from '../actor.ts';
import { ownOrigin, remoteAddress } from '../connection.ts';
import { putCookie } from '../cookies.ts';
import { ownAccount } from './account.ts';
import { answers, body, done } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { auditRefusal, countGuess, requirePassphrase, tooMany } from './own-passphrase.ts';
import { InvalidField } from './problem.ts';
import { decision } from './users.ts';
import { isoTime, Text, Time } from './values.ts';

const tags = ['Own account'];
/** Seconds. */
const SHORT_WAIT = 10;

/** What is asked of an authenticator, and the ticket that has to come back with its answer. */
export const PasskeyQuestion = z
  .object({ options: z.looseObject({ challenge: z.string() }), ticket: z.string() })
  .openapi('PasskeyQuestion');

const Confirmation = z
  .object({
    confirmedUntil: Time.nullable().openapi({ description: 'Null: what asks for it is refused until then.' }),
    name: z.string(),
    passphrase: z.boolean().openapi({ description: 'Whether it can be confirmed by a passphrase.' }),
    passkey: z.boolean().openapi({ description: 'Whether by a passkey, for this host name.' }),
    provider: z.object({ label: z.string(), path: z.string() }).nullable().openapi({
      description: 'The provider that the account signs in by, and where signing in anew begins.',
    }),
  })
  .openapi('Confirmation');

const show = createRoute({
  method: 'get',
  path: '/account/confirmation',
  tags,
  summary: 'Tell whether and how one can confirm who one is',
  responses: answers(200, 'How things are.', Confirmation),
});
const askPasskey = createRoute({
  method: 'post',
  path: '/account/confirmation/passkey',
  tags,
  summary: 'Begin to confirm by a passkey',
  responses: answers(
    200,
    'What navigator.credentials.get() is asked, as JSON (WebAuthn 3, 5.1.9).',
    PasskeyQuestion,
  ),
});
const confirm = createRoute({
  method: 'put',
  path: '/account/confirmation',
  tags,
  summary: 'Confirm who one is',
  description:
    'By passphrase or passkey. For ten minutes the browser then does what could take the account over, or outlive a stolen session. A sign-in counts as well.',
  request: {
    body: body(
      z
        .strictObject({
          passphrase: z.string().max(1_024, 'expected 1,024 characters or fewer'),
          passkey: z.strictObject({
            ticket: Text(128),
            response: z.looseObject({ id: z.string() }).openapi({
              description: 'What navigator.credentials.get() gave, as JSON.',
            }),
          }),
        })
        .partial()
        .openapi('Proof'),
    ),
  },
  responses: done('It is confirmed.'),
});

/** Proving anew, within a session, who one is. */
export function addAccountConfirmation(api: Api, dependencies: ApiDependencies): void {
  const { store, clock, tickets, sessions, pace, providers } = dependencies;
  const passkeys = new Passkeys(store, tickets, clock);

  api.openapi(show, async (context) => {
    const user = await ownAccount(context, dependencies);
    const until = context.get('confirmedUntil');
    const identity = user.isManaged ? await store.accounts.identity(user.id) : null;
    const provider = providers.findIndex(({ config }) => isSameIssuer(config.issuer, identity?.issuer));
    return context.json(
      {
        confirmedUntil: until === null || until === Infinity ? null : isoTime(until),
        name: user.name,
        passphrase: user.hasPassphrase,
        passkey: await passkeys.isUsable(user, ownOrigin(context)),
        provider:
          provider === -1
            ? null
            : {
                label: providers[provider]?.config.label ?? '',
                path: `/sign-in/oidc/start?provider=${provider}&anew`,
              },
      },
      200,
    );
  });

  api.openapi(askPasskey, async (context) => {
    const user = await ownAccount(context, dependencies);
    if (!pace.mayBegin(remoteAddress(context))) throw tooMany(context, SHORT_WAIT);
    const { options, ticket } = await passkeys.beginConfirmation(user, ownOrigin(context));
    return context.json({ options: { ...options }, ticket }, 200);
  });

  api.openapi(confirm, async (context) => {
    const { passphrase, passkey } = context.req.valid('json');
    const session = ownSession(context);
    const user = await ownAccount(context, dependencies);
    if ((passphrase === undefined) === (passkey === undefined)) {
      throw new InvalidField('', 'expected either a passphrase or the answer of a passkey');
    }
    if (passphrase !== undefined) {
      await requirePassphrase(context, dependencies, user, passphrase, 'passphrase');
    } else if (passkey !== undefined) {
      const succeeded = await countGuess(context, dependencies, user);
      try {
        await passkeys.finishConfirmation(user, passkey);
      } catch (error) {
        if (!(error instanceof WarrenError) || error.code !== 'unauthenticated') throw error;
        await auditRefusal(context, dependencies, user, `by passkey: ${error.message}`);
        throw new InvalidField(
          'passkey',
          error.message,
          error.hint === undefined ? {} : { hint: error.hint },
        );
      }
      succeeded();
    }
    const method = passphrase === undefined ? 'passkey' : 'passphrase';
    const by = decision(context.get('actor'), clock.wall());
    putCookie(context, 'confirmed', await sessions.confirm(session, method, by));
    return context.body(null, 204);
  });
}

function ownSession(context: Context<AdminEnvironment>): SessionRecord {
  const session = context.get('session');
  if (session !== null) return session;
  throw new WarrenError('conflict', 'there is no session to confirm', { hint: 'an API key needs none' });
}

/** As a file of `--oidc` may spell it, and as the provider itself does. */
function isSameIssuer(configured: string, told: string | undefined): boolean {
  return told !== undefined && new URL(configured).href === new URL(told).href;
}
