import { randomBytes } from 'node:crypto';
import type { Selectable } from 'kysely';
import { WarrenError } from '../../../shared/errors.ts';
import { oneLine } from '../audit.ts';
import type { Change } from '../change.ts';
import type { Database, SessionTable } from '../schema.ts';
import type { AccountDecision, NewSession, SessionRecord, UserRecord } from './accounts.ts';
import { record, requireOwnerOrSelf } from './acting.ts';
import { enabledUser, forgetBrowsers, requireUser } from './users.ts';

export async function createSession(
  change: Change,
  session: NewSession,
  by: AccountDecision,
): Promise<SessionRecord> {
  const user = await enabledUser(change.tx, session.userId);
  if (user === null) {
    throw new WarrenError('permission-denied', 'this account is disabled', {
      hint: 'ask an owner of this network',
    });
  }
  const row = {
    id: randomBytes(8).toString('hex'),
    secret_hash: session.secretHash,
    user_id: user.id,
    method: session.method,
    address: oneLine(session.address, 64),
    user_agent: oneLine(session.userAgent, 256),
    created_at: by.now,
    used_at: by.now,
    confirmed_at: by.now,
    confirmation_hash: session.confirmationHash,
  };
  await change.tx.insertInto('sessions').values(row).execute();
  await change.tx.updateTable('users').set({ last_sign_in_at: by.now }).where('id', '=', user.id).execute();
  await record(change, by, 'user.sign-in', user.name, `by ${session.method}`);
  return sessionFromRow(row);
}

export async function sessionBySecret(
  db: Database,
  secretHash: Uint8Array,
): Promise<{ session: SessionRecord; user: UserRecord } | null> {
  const row = await db
    .selectFrom('sessions')
    .selectAll()
    .where('secret_hash', '=', secretHash)
    .executeTakeFirst();
  const user = row === undefined ? null : await enabledUser(db, row.user_id);
  return row === undefined || user === null ? null : { session: sessionFromRow(row), user };
}

export async function touchSession(change: Change, id: string, now: number): Promise<void> {
  await change.tx.updateTable('sessions').set({ used_at: now }).where('id', '=', id).execute();
}

export async function confirmSession(
  change: Change,
  id: string,
  hash: Uint8Array,
  method: string,
  by: AccountDecision,
): Promise<void> {
  const row = await change.tx
    .updateTable('sessions')
    .set({ confirmed_at: by.now, confirmation_hash: hash })
    .where('id', '=', id)
    .returning('user_id')
    .executeTakeFirst();
  if (row === undefined)
    throw new WarrenError('unauthenticated', 'this session ended', { hint: 'sign in again' });
  await record(change, by, 'user.confirm', (await requireUser(change.tx, row.user_id)).name, `by ${method}`);
}

/** The last used first. */
export async function listSessions(db: Database, userId: string): Promise<SessionRecord[]> {
  const query = db.selectFrom('sessions').selectAll().where('user_id', '=', userId);
  return (await query.orderBy('used_at', 'desc').orderBy('id').execute()).map(sessionFromRow);
}

export async function endSession(
  change: Change,
  userId: string,
  id: string,
  by: AccountDecision,
): Promise<void> {
  await requireOwnerOrSelf(change, userId, by);
  const user = await requireUser(change.tx, userId);
  const { numDeletedRows } = await change.tx
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .where('id', '=', id)
    .executeTakeFirst();
  if (numDeletedRows === 0n) return;
  await record(change, by, 'user.sign-out', user.name, `session ${id}`);
}

export async function endSessions(
  change: Change,
  userId: string,
  except: string | null,
  by: AccountDecision,
): Promise<number> {
  await requireOwnerOrSelf(change, userId, by);
  const user = await requireUser(change.tx, userId);
  const { numDeletedRows } = await change.tx
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .where('id', '!=', except ?? '')
    .executeTakeFirst();
  await forgetBrowsers(change, userId);
  await record(change, by, 'user.sign-out', user.name, `${numDeletedRows} sessions, everywhere`);
  return Number(numDeletedRows);
}

function sessionFromRow(row: Selectable<SessionTable>): SessionRecord {
  return {
    id: row.id,
    userId: row.user_id,
    method: row.method,
    address: row.address,
    userAgent: row.user_agent,
    createdAt: row.created_at,
    usedAt: row.used_at,
    confirmedAt: row.confirmed_at,
    confirmationHash: row.confirmation_hash === null ? null : new Uint8Array(row.confirmation_hash),
  };
}
