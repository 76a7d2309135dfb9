import { WarrenError } from '../../../shared/errors.ts';
import type { Change } from '../change.ts';
import type { AuditRow } from '../contract/audit.ts';
import type { AccountDecision } from './accounts.ts';

/**
 * Throws `permission-denied` unless who acts is an owner now: the request was let in before this transaction, and its account
 * may have lost the role since.
 */
export async function requireOwner(change: Change, by: AccountDecision): Promise<void> {
  if (by.userId === null) return;
  const acting = await change.tx
    .selectFrom('users')
    .select(['role', 'disabled'])
    .where('id', '=', by.userId)
    .executeTakeFirst();
  if (acting?.role === 'owner' && acting.disabled === 0) return;
  throw new WarrenError('permission-denied', 'only an owner can do this', {
    hint: 'ask an owner of this network',
  });
}

/** The same, but everybody may do it for their own account. */
export async function requireOwnerOrSelf(change: Change, userId: string, by: AccountDecision): Promise<void> {
  if (by.userId !== userId) await requireOwner(change, by);
}

/** Writes the audit row of a change of accounts. */
export function record(
  change: Change,
  by: AccountDecision,
  action: string,
  target: string,
  detail = '',
  values: Pick<AuditRow, 'before' | 'after'> = {},
) {
  const { now: at, actor, source } = by;
  return change.audit({ at, actor, source, action, target, result: 'ok', detail, ...values });
}
