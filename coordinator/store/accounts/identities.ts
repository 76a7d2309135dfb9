import { canonicalUserName } from '../../network/user-names.ts';
import type { Change } from '../change.ts';
import { changeOwnership, revokeTokensOf } from '../ownership.ts';
import { toJson } from '../rows.ts';
import type { Database } from '../schema.ts';
import type { AccountDecision, AdmittedIdentity, Identity, Role, UserRecord } from './accounts.ts';
import { record } from './acting.ts';
import { hasOwner, putUser, requireUser, userNamed } from './users.ts';

export async function identityOf(db: Database, userId: string): Promise<Identity | null> {
  const query = db.selectFrom('identities').select(['issuer', 'subject']).where('user_id', '=', userId);
  return (await query.executeTakeFirst()) ?? null;
}

/** See `AccountStore.signInByIdentity`. An account is found by issuer and subject, never by a name or an address. */
export async function signInByIdentity(
  change: Change,
  identity: Identity,
  admitted: AdmittedIdentity | null,
  by: AccountDecision,
): Promise<UserRecord | null> {
  const known = await change.tx
    .selectFrom('identities')
    .select('user_id')
    .where('issuer', '=', identity.issuer)
    .where('subject', '=', identity.subject)
    .executeTakeFirst();
  if (known === undefined) return admitted === null ? null : create(change, identity, admitted, by);
  const user = await requireUser(change.tx, known.user_id);
  if (admitted === null) {
    for (const table of ['sessions', 'api_keys'] as const) {
      await change.tx.deleteFrom(table).where('user_id', '=', user.id).execute();
    }
    await setGroups(change, user, []);
    await changeOwnership(change, user.name, { owner_role: '' });
    await revokeTokensOf(change, user.name, by.now);
    return null;
  }
  return update(change, user, admitted, by);
}

async function create(
  change: Change,
  identity: Identity,
  admitted: AdmittedIdentity,
  by: AccountDecision,
): Promise<UserRecord> {
  const groups = [...new Set(admitted.groups)].sort();
  const user = await putUser(
    change,
    {
      name: await freeName(change, admitted.name),
      displayName: admitted.displayName,
      role: admitted.role,
      passphraseHash: null,
      managed: true,
      groups,
    },
    by,
    `${admitted.role}, by ${identity.issuer}`,
  );
  await change.tx
    .insertInto('identities')
    .values({ ...identity, user_id: user.id })
    .execute();
  return user;
}

async function update(
  change: Change,
  user: UserRecord,
  admitted: AdmittedIdentity,
  by: AccountDecision,
): Promise<UserRecord> {
  const groups = [...new Set(admitted.groups)].sort();
  await setGroups(change, user, groups);
  if (toJson(groups) !== toJson(user.groups)) {
    await record(change, by, 'user.change', user.name, 'groups as its provider has them', {
      before: { groups: user.groups },
      after: { groups },
    });
  }
  const role = await followRole(change, user, admitted, by);
  await changeOwnership(change, user.name, { owner_role: user.disabled ? '' : role });
  return { ...user, role, groups };
}

/** Gives the account the role that its provider says, and returns that which it has then. */
async function followRole(
  change: Change,
  user: UserRecord,
  admitted: AdmittedIdentity,
  by: AccountDecision,
): Promise<Role> {
  if (user.role === admitted.role) return user.role;
  await change.tx.updateTable('users').set({ role: admitted.role }).where('id', '=', user.id).execute();
  if (!(await hasOwner(change.tx))) {
    // A network without an owner would be open to whoever runs the first run again.
    await change.tx.updateTable('users').set({ role: user.role }).where('id', '=', user.id).execute();
    return user.role;
  }
  await record(
    change,
    by,
    'user.change',
    user.name,
    `role ${user.role} → ${admitted.role} by the groups of its provider`,
    { before: { role: user.role }, after: { role: admitted.role } },
  );
  return admitted.role;
}

/** Keeps the groups, also with the machines of the user, which the policy looks at. */
async function setGroups(change: Change, user: UserRecord, groups: readonly string[]): Promise<void> {
  const text = toJson(groups);
  if (text === toJson(user.groups)) return;
  await change.tx.updateTable('users').set({ groups: text }).where('id', '=', user.id).execute();
  await changeOwnership(change, user.name, { owner_groups: text });
}

/** The name wished for, or one with a number: a policy that names somebody must never mean a stranger. */
async function freeName(change: Change, wished: string): Promise<string> {
  const base = canonicalUserName(wished) ?? 'user';
  const [local, domain] = base.split('@');
  for (let number = 1; ; number++) {
    const name = number === 1 ? base : `${local}-${number}${domain === undefined ? '' : `@${domain}`}`;
    if ((await userNamed(change.tx, name)) === null) return name;
  }
}
