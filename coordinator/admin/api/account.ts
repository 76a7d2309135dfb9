import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { WarrenError } from '../../../shared/errors.ts';
import type { UserRecord } from '../../store/accounts/accounts.ts';
import { passphraseProblem } from '../accounts/passphrase-rules.ts';
import {
  hashRecoveryCode,
  newRecoveryCodes,
  newTotpSecret,
  totpStep,
  totpUri,
} from '../accounts/second-factor.ts';
import type { AdminEnvironment } from '../actor.ts';
import { requireConfirmed } from '../confirmation.ts';
import { qrCode } from '../qr-code.ts';
import { knowBrowser } from '../sign-in/enter.ts';
import { answers, body, done } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { requirePassphrase } from './own-passphrase.ts';
import { InvalidField } from './problem.ts';
import { decision } from './users.ts';

const tags = ['Own account'];
const Passphrase = z.string().max(1_024, 'expected 1,024 characters or fewer');

const setPassphrase = createRoute({
  method: 'put',
  path: '/account/passphrase',
  tags,
  summary: 'Set another passphrase',
  description: 'Ends all other sessions. Who has none yet is asked to confirm who they are.',
  request: {
    body: body(
      z
        .strictObject({
          current: Passphrase.default('').openapi({ description: 'Left out by accounts that have none.' }),
          passphrase: Passphrase,
        })
        .openapi('NewPassphrase'),
    ),
  },
  responses: done('It counts.'),
});
const beginTotp = createRoute({
  method: 'post',
  path: '/account/totp/secret',
  tags,
  summary: 'Propose a second factor',
  description: 'Nothing is changed yet.',
  responses: answers(
    200,
    'What an authenticator app needs.',
    z
      .object({
        secret: z.string(),
        uri: z.string(),
        qr: z.object({ size: z.int(), path: z.string() }).openapi({ description: 'A path of an SVG.' }),
      })
      .openapi('ProposedTotp'),
  ),
});
const setTotp = createRoute({
  method: 'put',
  path: '/account/totp',
  tags,
  summary: 'Take a second factor into use',
  request: {
    body: body(
      z
        .strictObject({
          secret: z.string().regex(/^[A-Z2-7]{32}$/, 'expected the secret that was proposed'),
          code: z.string().max(16),
        })
        .openapi('NewTotp'),
    ),
  },
  responses: answers(
    200,
    'Codes for the day the authenticator is lost; shown this once.',
    z.object({ recoveryCodes: z.array(z.string()) }).openapi('RecoveryCodes'),
  ),
});
const removeTotp = createRoute({
  method: 'post',
  path: '/account/totp/remove',
  tags,
  summary: 'Do without a second factor',
  responses: done('It is off, and the recovery codes are void.'),
});

/** What people do with their own passphrase and second factor. */
export function addAccount(api: Api, dependencies: ApiDependencies): void {
  const { store, clock, passphrases, sealer } = dependencies;

  api.openapi(setPassphrase, async (context) => {
    const { current, passphrase } = context.req.valid('json');
    const user = await self(context);
    // Each time, however short ago that was proved (OWASP ASVS 5, 6.2.3).
    if (user.hasPassphrase) await requirePassphrase(context, dependencies, user, current, 'current');
    else requireConfirmed(context);
    const problem = passphraseProblem(passphrase, user.name);
    if (problem !== null) throw new InvalidField('passphrase', problem);
    const by = decision(context.get('actor'), clock.wall());
    const keep = context.get('session')?.id ?? null;
    await store.accounts.setPassphrase(user.id, await passphrases.hash(passphrase), keep, by);
    await knowBrowser(context, dependencies, user.id);
    return context.body(null, 204);
  });

  api.openapi(beginTotp, async (context) => {
    const user = await self(context);
    const secret = newTotpSecret();
    const uri = totpUri(secret, user.name, context.req.header('Host') ?? '');
    return context.json({ secret, uri, qr: qrCode(uri) }, 200);
  });

  api.openapi(setTotp, async (context) => {
    const { secret, code } = context.req.valid('json');
    const user = await self(context);
    const step = totpStep(secret, code, clock.wall());
    if (step === null) throw new InvalidField('code', 'this is not the code that the app shows now');
    const recoveryCodes = newRecoveryCodes();
    await store.accounts.setTotp(
      user.id,
      { sealed: sealer.seal(secret, user.id), recoveryCodes: recoveryCodes.map(hashRecoveryCode) },
      decision(context.get('actor'), clock.wall()),
    );
    await store.accounts.useTotpStep(user.id, step);
    return context.json({ recoveryCodes }, 200);
  });

  api.openapi(removeTotp, async (context) => {
    const user = await self(context);
    await store.accounts.setTotp(user.id, null, decision(context.get('actor'), clock.wall()));
    return context.body(null, 204);
  });

  async function self(context: Context<AdminEnvironment>): Promise<UserRecord> {
    return ownAccount(context, dependencies);
  }
}

/** The account of whoever asks. Throws `not-found` when it was removed this very moment. */
export async function ownAccount(
  context: Context<AdminEnvironment>,
  { store }: ApiDependencies,
): Promise<UserRecord> {
  const user = await store.accounts.user(context.get('actor').userId);
  if (user !== null) return user;
  throw new WarrenError('not-found', 'this account was removed');
}
