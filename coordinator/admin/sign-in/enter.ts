import type { Context } from 'hono';
import type { AccountDecision, UserRecord } from '../../store/accounts/accounts.ts';
import { KNOWN_FOR } from '../accounts/known-browsers.ts';
import type { AdminEnvironment } from '../actor.ts';
import { remoteAddress } from '../connection.ts';
import { cookie, putCookie } from '../cookies.ts';
import type { AdminDependencies } from '../dependencies.ts';

type AdminContext = Context<AdminEnvironment>;

/** Who signs in, for what is written down meanwhile. */
export function signingIn(context: AdminContext, dependencies: AdminDependencies): AccountDecision {
  return { actor: 'sign-in', source: remoteAddress(context), now: dependencies.clock.wall(), userId: null };
}

/**
 * Opens a new session for whoever has proved who they are, and ends the one that this browser had. Throws `permission-denied`
 * for a disabled account.
 */
export async function enter(
  context: AdminContext,
  dependencies: AdminDependencies,
  user: UserRecord,
  method: string,
): Promise<void> {
  const { sessions, store } = dependencies;
  const by = { ...signingIn(context, dependencies), actor: `admin:${user.name}` };
  const before = await sessions.find(cookie(context, 'session'));
  const secrets = await sessions.create(
    {
      userId: user.id,
      method,
      address: remoteAddress(context),
      userAgent: context.req.header('User-Agent') ?? '',
    },
    by,
  );
  if (before !== null) await store.accounts.endSession(before.user.id, before.session.id, by);
  putCookie(context, 'session', secrets.session);
  putCookie(context, 'confirmed', secrets.confirmation);
  await knowBrowser(context, dependencies, user.id);
}

/** From now on this browser's guesses at the user's passphrase are counted apart from those of strangers. */
export async function knowBrowser(
  context: AdminContext,
  { store, browsers }: AdminDependencies,
  userId: string,
): Promise<void> {
  // As it is now: a passphrase that was just set made strangers of all browsers.
  const user = await store.accounts.user(userId);
  if (user !== null) putCookie(context, 'known', browsers.issue(user), KNOWN_FOR);
}

/** The audit row of an attempt that came to nothing. `name`: of an account that is there, never what somebody typed. */
export async function refused(
  context: AdminContext,
  { store, clock }: AdminDependencies,
  name: string,
  detail: string,
): Promise<void> {
  await store.audit({
    at: clock.wall(),
    actor: 'sign-in',
    source: remoteAddress(context),
    action: 'user.sign-in',
    target: name,
    result: 'refused',
    detail,
  });
}
