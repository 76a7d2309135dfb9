import { randomBytes } from 'node:crypto';
import type { Selectable } from 'kysely';
import { WarrenError } from '../../../shared/errors.ts';
import { canonicalUserName } from '../../network/user-names.ts';
import { oneLine } from '../audit.ts';
import type { Change } from '../change.ts';
import { changeOwnership, revokeTokensOf } from '../ownership.ts';
import { fromJson, toJson } from '../rows.ts';
import type { Database, UserTable } from '../schema.ts';
import type { AccountDecision, NewUser, Role, UserChanges, UserRecord } from './accounts.ts';
import { record, requireOwner } from './acting.ts';

const MAX_DISPLAY_NAME = 128;

export function userFromRow(row: Selectable<UserTable>): UserRecord {
  return {
    id: row.id,
    name: row.name,
    displayName: row.display_name,
    role: row.role as Role,
    disabled: row.disabled !== 0,
    isManaged: row.managed !== 0,
    groups: fromJson(row.groups),
    hasPassphrase: row.passphrase_hash !== null,
    hasTotp: row.sealed_totp !== null,
    browserEpoch: row.browser_epoch,
    createdAt: row.created_at,
    lastSignInAt: row.last_sign_in_at,
  };
}

export async function hasOwner(db: Database): Promise<boolean> {
  return (await countOwners(db)) > 0;
}

export async function listUsers(db: Database): Promise<UserRecord[]> {
  return (await db.selectFrom('users').selectAll().orderBy('name').execute()).map(userFromRow);
}

export async function userById(db: Database, id: string): Promise<UserRecord | null> {
  const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? null : userFromRow(row);
}

/** The user of an id who can sign in; null for one who is disabled or gone. */
export async function enabledUser(db: Database, id: string): Promise<UserRecord | null> {
  const user = await userById(db, id);
  return user === null || user.disabled ? null : user;
}

export async function userNamed(db: Database, text: string): Promise<UserRecord | null> {
  const name = canonicalUserName(text);
  if (name === null) return null;
  const row = await db.selectFrom('users').selectAll().where('name', '=', name).executeTakeFirst();
  return row === undefined ? null : userFromRow(row);
}

export async function createFirstOwner(
  change: Change,
  user: NewUser,
  by: AccountDecision,
): Promise<UserRecord> {
  if (await hasOwner(change.tx)) {
    throw new WarrenError('conflict', 'this network has an owner already', {
      hint: 'sign in, or run `coordinator admin link` for a new passphrase',
    });
  }
  return insertUser(change, { ...user, role: 'owner' }, by, 'the first owner');
}

export async function createUser(change: Change, user: NewUser, by: AccountDecision): Promise<UserRecord> {
  await requireOwner(change, by);
  return insertUser(change, user, by, user.role);
}

async function insertUser(
  change: Change,
  user: NewUser,
  by: AccountDecision,
  detail: string,
): Promise<UserRecord> {
  const name = canonicalUserName(user.name);
  if (name === null) {
    throw new WarrenError('usage', `${JSON.stringify(user.name.slice(0, 128))} is not a name for a user`, {
      hint: 'letters, digits, dots and hyphens, such as ada or ada@example.com',
    });
  }
  if ((await userNamed(change.tx, name)) !== null) {
    throw new WarrenError('already-exists', `there is a user ${name} already`, {
      hint: 'choose another name',
    });
  }
  return putUser(change, { ...user, name, managed: false, groups: [] }, by, detail);
}

/** Inserts a user whose name was seen to be good and free. */
export async function putUser(
  change: Change,
  user: NewUser & { managed: boolean; groups: readonly string[] },
  by: AccountDecision,
  detail: string,
): Promise<UserRecord> {
  const row = {
    id: randomBytes(10).toString('hex'),
    name: user.name,
    display_name: oneLine(user.displayName, MAX_DISPLAY_NAME).trim() || user.name,
    role: user.role,
    disabled: 0,
    managed: Number(user.managed),
    groups: toJson(user.groups),
    passphrase_hash: user.passphraseHash,
    sealed_totp: null,
    totp_step: 0,
    browser_epoch: 0,
    created_at: by.now,
    last_sign_in_at: 0,
  };
  await change.tx.insertInto('users').values(row).execute();
  const after = { displayName: row.display_name, role: row.role, groups: [...user.groups] };
  await record(change, by, 'user.create', user.name, detail, { after });
  return userFromRow(row);
}

export async function changeUser(
  change: Change,
  id: string,
  changes: UserChanges,
  by: AccountDecision,
  check: (before: UserRecord) => void,
): Promise<UserRecord> {
  await requireOwner(change, by);
  const user = await requireUser(change.tx, id);
  check(user);
  const wanted = {
    displayName:
      changes.displayName === undefined
        ? user.displayName
        : oneLine(changes.displayName, MAX_DISPLAY_NAME).trim() || user.name,
    role: changes.role ?? user.role,
    disabled: changes.disabled ?? user.disabled,
  };
  const changed = (['displayName', 'role', 'disabled'] as const).filter(
    (field) => wanted[field] !== user[field],
  );
  const told = changed.map(
    (field) => `${field} ${JSON.stringify(user[field])} → ${JSON.stringify(wanted[field])}`,
  );
  if (told.length === 0) return user;
  if (wanted.role !== user.role && user.isManaged) {
    throw new WarrenError('conflict', `the role of ${user.name} follows the groups of its provider`, {
      hint: "change the groups there, or the rules of the coordinator's --oidc file",
    });
  }
  await change.tx
    .updateTable('users')
    .set({
      display_name: wanted.displayName,
      role: wanted.role,
      disabled: Number(wanted.disabled),
    })
    .where('id', '=', id)
    .execute();
  if (user.role === 'owner' && !user.disabled) await requireOwnerLeft(change, user);
  await changeOwnership(change, user.name, { owner_role: wanted.disabled ? '' : wanted.role });
  if (wanted.disabled) {
    await forgetBrowsers(change, id);
    await revokeTokensOf(change, user.name, by.now);
    for (const table of ['sessions', 'tickets'] as const) {
      await change.tx.deleteFrom(table).where('user_id', '=', id).execute();
    }
  }
  const values = (of: typeof wanted) => Object.fromEntries(changed.map((field) => [field, of[field]]));
  await record(change, by, 'user.change', user.name, told.join(', '), {
    before: values(user),
    after: values(wanted),
  });
  return { ...user, ...wanted };
}

/** Browsers that signed in before count as strangers from now on. */
export async function forgetBrowsers(change: Change, userId: string): Promise<void> {
  await change.tx
    .updateTable('users')
    .set(({ eb }) => ({ browser_epoch: eb('browser_epoch', '+', 1) }))
    .where('id', '=', userId)
    .execute();
}

/** The user's machines become nobody's, so that a later user of the same name does not inherit them. */
export async function removeUser(change: Change, id: string, by: AccountDecision): Promise<void> {
  await requireOwner(change, by);
  const user = await requireUser(change.tx, id);
  // Sessions, keys, passkeys and the rest go with it (on delete cascade).
  await change.tx.deleteFrom('users').where('id', '=', id).execute();
  if (user.role === 'owner' && !user.disabled) await requireOwnerLeft(change, user);
  await revokeTokensOf(change, user.name, by.now);
  const owned = await change.tx.selectFrom('nodes').select('id').where('owner', '=', user.name).execute();
  if (owned.length > 0) {
    await change.tx
      .updateTable('nodes')
      .set({ owner: '', owner_groups: '[]', owner_role: '', version: change.version() })
      .where('owner', '=', user.name)
      .execute();
  }
  await record(
    change,
    by,
    'user.remove',
    user.name,
    `${user.role}, ${owned.length} machines are nobody's now`,
    { before: { displayName: user.displayName, role: user.role, disabled: user.disabled } },
  );
}

export async function requireUser(db: Database, id: string): Promise<UserRecord> {
  const user = await userById(db, id);
  if (user !== null) return user;
  throw new WarrenError('not-found', `there is no user ${JSON.stringify(id.slice(0, 64))}`, {
    hint: 'it may have been removed meanwhile',
  });
}

/** Who comes by a provider comes by it alone: whom that locks out must have no other way in. */
export function refuseManaged(user: UserRecord): void {
  if (!user.isManaged) return;
  throw new WarrenError('conflict', `the account ${user.name} signs in by its provider alone`, {
    hint: 'set a second factor or a passkey up there',
  });
}

/** Whoever took the last owner away in this transaction is refused, and all of it undone. */
async function requireOwnerLeft(change: Change, user: UserRecord): Promise<void> {
  if ((await countOwners(change.tx)) > 0) return;
  throw new WarrenError('conflict', `${user.name} is the last owner`, {
    hint: 'make somebody else an owner first',
  });
}

async function countOwners(db: Database): Promise<number> {
  const rows = await db
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'owner')
    .where('disabled', '=', 0)
    .execute();
  return rows.length;
}
