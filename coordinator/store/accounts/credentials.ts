import type { Change } from '../change.ts';
import { changeOwnership } from '../ownership.ts';
import type { Database } from '../schema.ts';
import type { AccountDecision, Credentials } from './accounts.ts';
import { record, requireOwner, requireOwnerOrSelf } from './acting.ts';
import { forgetBrowsers, refuseManaged, requireUser } from './users.ts';

export async function credentials(db: Database, userId: string): Promise<Credentials | null> {
  const row = await db
    .selectFrom('users')
    .select(['passphrase_hash', 'sealed_totp'])
    .where('id', '=', userId)
    .executeTakeFirst();
  if (row === undefined) return null;
  const codes = await db
    .selectFrom('recovery_codes')
    .select('code_hash')
    .where('user_id', '=', userId)
    .execute();
  return {
    passphraseHash: row.passphrase_hash,
    sealedTotp: row.sealed_totp === null ? null : new Uint8Array(row.sealed_totp),
    recoveryCodesLeft: codes.length,
  };
}

export async function setPassphrase(
  change: Change,
  userId: string,
  hash: string,
  keepSession: string | null,
  by: AccountDecision,
): Promise<void> {
  await requireOwnerOrSelf(change, userId, by);
  const user = await requireUser(change.tx, userId);
  refuseManaged(user);
  await endTickets(change, userId);
  await change.tx.updateTable('users').set({ passphrase_hash: hash }).where('id', '=', userId).execute();
  await forgetBrowsers(change, userId);
  await change.tx
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .where('id', '!=', keepSession ?? '')
    .execute();
  await record(change, by, 'user.passphrase', user.name, 'other sessions ended');
}

export async function rehashPassphrase(change: Change, userId: string, hash: string): Promise<void> {
  await change.tx.updateTable('users').set({ passphrase_hash: hash }).where('id', '=', userId).execute();
}

export async function setTotp(
  change: Change,
  userId: string,
  totp: { sealed: Uint8Array; recoveryCodes: readonly Uint8Array[] } | null,
  by: AccountDecision,
): Promise<void> {
  await requireOwnerOrSelf(change, userId, by);
  const user = await requireUser(change.tx, userId);
  if (totp !== null) refuseManaged(user);
  await change.tx
    .updateTable('users')
    .set({ sealed_totp: totp?.sealed ?? null, totp_step: 0 })
    .where('id', '=', userId)
    .execute();
  await change.tx.deleteFrom('recovery_codes').where('user_id', '=', userId).execute();
  for (const code_hash of totp?.recoveryCodes ?? []) {
    await change.tx.insertInto('recovery_codes').values({ user_id: userId, code_hash }).execute();
  }
  await record(change, by, totp === null ? 'user.totp-off' : 'user.totp-on', user.name);
}

export async function useTotpStep(change: Change, userId: string, step: number): Promise<boolean> {
  const { numUpdatedRows } = await change.tx
    .updateTable('users')
    .set({ totp_step: step })
    .where('id', '=', userId)
    .where('totp_step', '<', step)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

export async function useRecoveryCode(
  change: Change,
  userId: string,
  hash: Uint8Array,
  by: AccountDecision,
): Promise<boolean> {
  const { numDeletedRows } = await change.tx
    .deleteFrom('recovery_codes')
    .where('user_id', '=', userId)
    .where('code_hash', '=', hash)
    .executeTakeFirst();
  if (numDeletedRows === 0n) return false;
  await record(change, by, 'user.recovery-code', (await requireUser(change.tx, userId)).name, 'used');
  return true;
}

export async function resetCredentials(change: Change, userId: string, by: AccountDecision): Promise<void> {
  await requireOwner(change, by);
  const user = await requireUser(change.tx, userId);
  await change.tx
    .updateTable('users')
    .set({ passphrase_hash: null, sealed_totp: null, totp_step: 0, disabled: 0 })
    .where('id', '=', userId)
    .execute();
  await changeOwnership(change, user.name, { owner_role: user.role });
  await forgetBrowsers(change, userId);
  await endTickets(change, userId);
  for (const table of ['recovery_codes', 'passkeys', 'sessions'] as const) {
    await change.tx.deleteFrom(table).where('user_id', '=', userId).execute();
  }
  await record(change, by, 'user.reset', user.name, 'passphrase, second factor, passkeys, sessions');
}

/** Links and half-finished sign-ins of before are worth nothing any more. */
async function endTickets(change: Change, userId: string): Promise<void> {
  await change.tx.deleteFrom('tickets').where('user_id', '=', userId).execute();
}
