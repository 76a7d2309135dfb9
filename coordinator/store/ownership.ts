import type { Tx } from './schema.ts';

/**
 * Whose machine a node becomes, and what groups of the provider that user is in. For an owner that is no account, and for none,
 * nothing: a registered node's owner then stays as it is.
 */
export async function ownership(tx: Tx, owner: string): Promise<{ owner?: string; owner_groups?: string }> {
  if (owner === '') return {};
  const user = await tx.selectFrom('users').select('groups').where('name', '=', owner).executeTakeFirst();
  return user === undefined ? {} : { owner, owner_groups: user.groups };
}
