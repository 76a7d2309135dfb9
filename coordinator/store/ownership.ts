import type { Change } from './change.ts';
import type { Tx } from './schema.ts';

/** What the policy knows of a node by its owner's account. */
interface Ownership {
  owner: string;
  owner_groups: string;
  owner_role: string;
}

/**
 * Whose machine a node becomes, and what groups and role that user has. For an owner that is no account, and for none,
 * nothing: a registered node's owner then stays as it is.
 */
export async function ownership(tx: Tx, owner: string): Promise<Partial<Ownership>> {
  if (owner === '') return {};
  const user = await tx
    .selectFrom('users')
    .select(['groups', 'role', 'disabled'])
    .where('name', '=', owner)
    .executeTakeFirst();
  if (user === undefined) return {};
  return { owner, owner_groups: user.groups, owner_role: user.disabled === 0 ? user.role : '' };
}

/** Writes groups or role of a user to the user's machines, as far as they are others there. */
export async function changeOwnership(
  change: Change,
  owner: string,
  wanted: Partial<Omit<Ownership, 'owner'>>,
): Promise<void> {
  for (const [column, value] of Object.entries(wanted) as ['owner_groups' | 'owner_role', string][]) {
    const owned = change.tx.selectFrom('nodes').where('owner', '=', owner).where(column, '!=', value);
    if ((await owned.select('id').limit(1).executeTakeFirst()) === undefined) continue;
    await change.tx
      .updateTable('nodes')
      .set({ [column]: value, version: change.version() })
      .where('owner', '=', owner)
      .where(column, '!=', value)
      .execute();
  }
}

/** Ends what is left of a user's tokens: nobody joins any more in the name of whoever is not let in. */
export async function revokeTokensOf({ tx }: Change, owner: string, now: number): Promise<void> {
  await tx
    .updateTable('tokens')
    .set({ revoked_at: now })
    .where('owner', '=', owner)
    .where('revoked_at', 'is', null)
    .execute();
}
