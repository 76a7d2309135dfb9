import type { Change } from './change.ts';
import { nodeById, requireNode } from './nodes.ts';
import type { Database } from './schema.ts';

/**
 * Notes that a node is connected to an instance or no longer; it is online while any instance has it. Others learn of
 * true changes only. Throws `not-found` for a node to be set online.
 */
export async function setOnline(
  change: Change,
  nodeId: string,
  instance: string,
  online: boolean,
  now: number,
): Promise<void> {
  const { tx } = change;
  // The stream of a removed node ends after the node.
  const node = online ? await requireNode(tx, nodeId) : await nodeById(tx, nodeId);
  if (node === null) return;
  if (online) {
    await tx
      .insertInto('presence')
      .values({ node_id: nodeId, instance })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  } else {
    await tx.deleteFrom('presence').where('node_id', '=', nodeId).where('instance', '=', instance).execute();
  }
  const holder = await tx
    .selectFrom('presence')
    .select('instance')
    .where('node_id', '=', nodeId)
    .limit(1)
    .executeTakeFirst();
  const isOnline = holder !== undefined;
  if (isOnline === node.online) return;
  await tx
    .updateTable('nodes')
    .set({ online: Number(isOnline), last_seen_at: now, version: change.version() })
    .where('id', '=', nodeId)
    .execute();
  await change.audit({
    at: now,
    actor: `node:${nodeId}`,
    source: `instance:${instance}`,
    action: isOnline ? 'node.online' : 'node.offline',
    target: nodeId,
    result: 'ok',
    detail: '',
  });
}

/** Whether an instance has any node marked. */
export async function hasPresence(db: Database, instance: string): Promise<boolean> {
  const row = await db
    .selectFrom('presence')
    .select('node_id')
    .where('instance', '=', instance)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Takes back all marks of an instance; nodes that no other instance has are offline from then on. */
export async function clearOnline(change: Change, instance: string, now: number): Promise<void> {
  const { tx } = change;
  await tx.deleteFrom('presence').where('instance', '=', instance).execute();
  const { numUpdatedRows } = await tx
    .updateTable('nodes')
    .set({ online: 0, last_seen_at: now, version: change.version() })
    .where('online', '=', 1)
    .where((where) =>
      where.not(
        where.exists(
          where.selectFrom('presence').select('node_id').whereRef('presence.node_id', '=', 'nodes.id'),
        ),
      ),
    )
    .executeTakeFirst();
  await change.audit({
    at: now,
    actor: 'system',
    source: `instance:${instance}`,
    action: 'presence.clear',
    target: instance,
    result: 'ok',
    detail: `${numUpdatedRows} nodes offline`,
  });
}
