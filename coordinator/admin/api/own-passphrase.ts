import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { WarrenError } from '../../../shared/errors.ts';
import type { UserRecord } from '../../store/accounts/accounts.ts';
import type { AdminEnvironment } from '../actor.ts';
import { remoteAddress } from '../connection.ts';
import type { ApiDependencies } from './api.ts';
import { InvalidField } from './problem.ts';

/**
 * Throws unless `passphrase`, which came in the field of that name, is that of the account whose session asks.
 */
export async function requirePassphrase(
  context: Context<AdminEnvironment>,
  dependencies: ApiDependencies,
  user: UserRecord,
  passphrase: string,
  field: string,
): Promise<void> {
  const { store, passphrases } = dependencies;
  const succeeded = await countGuess(context, dependencies, user);
  const credentials = await store.accounts.credentials(user.id);
  if (credentials?.passphraseHash == null) {
    throw new WarrenError('conflict', 'this account has no passphrase', { hint: 'set one first' });
  }
  if (!(await passphrases.verify(passphrase, credentials.passphraseHash)).isRight) {
    await auditRefusal(context, dependencies, user, 'wrong passphrase');
    throw new InvalidField(field, 'this is not your passphrase');
  }
  succeeded();
}

/**
 * Counts an attempt to prove who one is from within a session: 429 is thrown when there were too many. To be told when it was
 * right. Counted by the session: whoever stole one has nobody wait who signs in, and strangers nobody who confirms.
 */
export async function countGuess(
  context: Context<AdminEnvironment>,
  dependencies: ApiDependencies,
  user: UserRecord,
): Promise<() => void> {
  const { throttle } = dependencies;
  const address = remoteAddress(context);
  const bucket = `confirming in session ${context.get('session')?.id ?? ''} of ${user.id}`;
  const wait = throttle.attempt(bucket, address);
  if (wait === null) return () => throttle.succeeded(bucket, address);
  if (wait.isNew) await auditRefusal(context, dependencies, user, 'too many failures');
  throw tooMany(context, wait.seconds);
}

/** The answer to whoever tried too often, to be thrown. */
export function tooMany(context: Context<AdminEnvironment>, seconds: number): HTTPException {
  context.header('Retry-After', String(seconds));
  return new HTTPException(429, { message: `too many tries; try again in ${seconds} seconds` });
}

/** The audit row of a proof that was none. */
export async function auditRefusal(
  context: Context<AdminEnvironment>,
  { store, clock }: ApiDependencies,
  user: UserRecord,
  detail: string,
): Promise<void> {
  const { actor, source } = context.get('actor');
  const at = clock.wall();
  await store.audit({
    at,
    actor,
    source,
    action: 'user.confirm',
    target: user.name,
    result: 'refused',
    detail,
  });
}
