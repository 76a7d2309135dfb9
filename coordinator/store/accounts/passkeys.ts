import type { Selectable } from 'kysely';
import { WarrenError } from '../../../shared/errors.ts';
import { oneLine } from '../audit.ts';
import type { Change } from '../change.ts';
import { fromJson, toJson } from '../rows.ts';
import type { Database, PasskeyTable } from '../schema.ts';
import type { AccountDecision, NewPasskey, PasskeyRecord } from './accounts.ts';
import { record, requireOwnerOrSelf } from './acting.ts';
import { refuseManaged, requireUser } from './users.ts';

/** More than anybody carries; a bound on what one account can store. */
const MAX_PASSKEYS = 32;

export async function addPasskey(
  change: Change,
  passkey: NewPasskey,
  by: AccountDecision,
): Promise<PasskeyRecord> {
  await requireOwnerOrSelf(change, passkey.userId, by);
  const user = await requireUser(change.tx, passkey.userId);
  refuseManaged(user);
  if ((await listPasskeys(change.tx, user.id)).length >= MAX_PASSKEYS) {
    throw new WarrenError('exhausted', `${user.name} has ${MAX_PASSKEYS} passkeys`, {
      hint: 'remove those that are not used any more',
    });
  }
  if ((await passkeyById(change.tx, passkey.id)) !== null) {
    throw new WarrenError('already-exists', 'this passkey is registered already', {
      hint: 'sign in with it',
    });
  }
  const row = {
    id: passkey.id,
    user_id: passkey.userId,
    public_key: passkey.publicKey,
    counter: passkey.counter,
    transports: toJson(passkey.transports),
    name: oneLine(passkey.name, 64).trim() || 'passkey',
    relying_party: passkey.relyingParty,
    created_at: by.now,
    last_used_at: 0,
  };
  await change.tx.insertInto('passkeys').values(row).execute();
  await record(change, by, 'user.passkey-add', user.name, row.name);
  return passkeyFromRow(row);
}

export async function passkeyById(db: Database, id: string): Promise<PasskeyRecord | null> {
  const row = await db.selectFrom('passkeys').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? null : passkeyFromRow(row);
}

export async function listPasskeys(db: Database, userId: string): Promise<PasskeyRecord[]> {
  const query = db.selectFrom('passkeys').selectAll().where('user_id', '=', userId);
  return (await query.orderBy('created_at').orderBy('id').execute()).map(passkeyFromRow);
}

export async function usePasskey(change: Change, id: string, counter: number, now: number): Promise<void> {
  await change.tx.updateTable('passkeys').set({ counter, last_used_at: now }).where('id', '=', id).execute();
}

export async function removePasskey(
  change: Change,
  userId: string,
  id: string,
  by: AccountDecision,
): Promise<void> {
  await requireOwnerOrSelf(change, userId, by);
  const user = await requireUser(change.tx, userId);
  const passkey = await passkeyById(change.tx, id);
  if (passkey === null || passkey.userId !== userId) {
    throw new WarrenError('not-found', `${user.name} has no such passkey`, {
      hint: 'it may have been removed meanwhile',
    });
  }
  await change.tx.deleteFrom('passkeys').where('id', '=', id).execute();
  await record(change, by, 'user.passkey-remove', user.name, passkey.name);
}

function passkeyFromRow(row: Selectable<PasskeyTable>): PasskeyRecord {
  return {
    id: row.id,
    userId: row.user_id,
    publicKey: new Uint8Array(row.public_key),
    counter: row.counter,
    transports: fromJson(row.transports),
    name: row.name,
    relyingParty: row.relying_party,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  };
}
