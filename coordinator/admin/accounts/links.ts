import { WarrenError } from '../../../shared/errors.ts';
import type { UserRecord } from '../../store/accounts/accounts.ts';
import type { AuditActor } from '../../store/contract/audit.ts';
import type { Store } from '../../store/store.ts';
import type { Tickets } from './tickets.ts';

/** How long a link for setting a passphrase is good, in words. */
export const LINK_LIFETIME = '3 days';

/** A link with which somebody sets a passphrase and is signed in. `base`: `https://HOST` of the page. */
export async function welcomeLink(
  options: { store: Store; tickets: Tickets; base: string; now: number },
  user: UserRecord,
  by: AuditActor,
): Promise<string> {
  if (user.isManaged) {
    throw new WarrenError(
      'conflict',
      `the account ${user.name} signs in by its provider, and has no passphrase`,
      {
        hint: 'it needs no link',
      },
    );
  }
  const code = await options.tickets.issue('welcome', user.id);
  await options.store.audit({
    ...by,
    at: options.now,
    action: 'user.link',
    target: user.name,
    result: 'ok',
    detail: `sets a passphrase, good for ${LINK_LIFETIME}`,
  });
  return `${options.base}/welcome?code=${code}`;
}

/** A link with which the first owner makes an account. */
export async function firstRunLink(tickets: Tickets, base: string): Promise<string> {
  return `${base}/first-run?code=${await tickets.issue('first-run', null)}`;
}

/**
 * For whoever can read the coordinator's folder: a link for the account of that name, or for the only owner; while nobody can
 * sign in as an owner, one for the first run. `reset` takes all credentials away and opens a disabled account before.
 */
export async function localLink(
  options: { store: Store; tickets: Tickets; base: string; now: number },
  wanted: { name: string | null; reset: boolean },
): Promise<string> {
  const { accounts } = options.store;
  const by = { actor: 'cli', source: 'admin link' };
  if (wanted.name === null) {
    if (!(await accounts.hasOwner())) return firstRunLink(options.tickets, options.base);
    const owners = (await accounts.listUsers()).filter(({ role, disabled }) => role === 'owner' && !disabled);
    const [only, ...more] = owners as [UserRecord, ...UserRecord[]];
    if (more.length === 0) return welcomeLink(options, only, by);
    throw new WarrenError('usage', `there are several owners: ${owners.map(({ name }) => name).join(', ')}`, {
      hint: 'give a name: coordinator admin link NAME',
    });
  }
  const user = await accounts.userNamed(wanted.name);
  if (user === null) {
    throw new WarrenError('not-found', `there is no user ${JSON.stringify(wanted.name.slice(0, 128))}`, {
      hint: '`coordinator admin list` shows those there are',
    });
  }
  if (wanted.reset) await accounts.resetCredentials(user.id, { ...by, now: options.now, userId: null });
  else if (user.disabled) {
    throw new WarrenError('permission-denied', `the account ${user.name} is disabled`, {
      hint: `coordinator admin reset ${user.name} opens it again`,
    });
  }
  return welcomeLink(options, user, by);
}
