import type { Updateable } from 'kysely';
import { WarrenError } from '../../shared/errors.ts';
import { dnsLabel, isDnsLabel } from '../network/names.ts';
import { canonicalTag } from '../network/tags.ts';
import type { Change } from './change.ts';
import type { AuditActor, AuditRow } from './contract/audit.ts';
import type { NodeRecord } from './contract/nodes.ts';
import { nodeById, requireNode } from './nodes.ts';
import { tellOfOverlaps } from './overlaps.ts';
import { toJson } from './rows.ts';
import type { NodeTable } from './schema.ts';

/** Who decides, and when. */
export interface Decision extends AuditActor {
  now: number;
}

/** Replaces a node's tags. Throws `usage` for what is no tag. */
export async function setTags(
  change: Change,
  nodeId: string,
  tags: readonly string[],
  by: Decision,
): Promise<void> {
  const node = await requireNode(change.tx, nodeId);
  const canonical = tags.map((text) => {
    const tag = canonicalTag(text);
    if (tag !== null) return tag;
    throw new WarrenError('usage', `${JSON.stringify(text)} is not a tag`, {
      hint: 'a tag is a lower-case name of letters, digits and hyphens, such as server',
    });
  });
  const next = toJson([...new Set(canonical)].sort());
  if (next === toJson(node.tags)) return;
  await update(change, node, true, { tags: next });
  await record(change, by, 'node.tag', node, next, {
    before: { tags: node.tags },
    after: { tags: [...new Set(canonical)].sort() },
  });
}

/** Throws `usage` for a name that is no DNS label, `already-exists` for one that another node has. */
export async function renameNode(change: Change, nodeId: string, name: string, by: Decision): Promise<void> {
  const node = await requireNode(change.tx, nodeId);
  if (!isDnsLabel(name)) {
    throw new WarrenError('usage', `${JSON.stringify(name.slice(0, 128))} is not a name for a node`, {
      hint: `letters, digits and inner hyphens, at most 63: ${dnsLabel(name)} would do`,
    });
  }
  if (name === node.name) return;
  const holder = await change.tx.selectFrom('nodes').select('id').where('name', '=', name).executeTakeFirst();
  if (holder !== undefined) {
    throw new WarrenError('already-exists', `another node is named ${name}`, { hint: 'choose another name' });
  }
  await update(change, node, true, { name });
  await tellOfOverlaps(change, node, { ...node, name });
  await record(change, by, 'node.rename', node, `now ${name}`, {
    before: { name: node.name },
    after: { name },
  });
}

/** `expiresAt` 0 for never. */
export async function setKeyExpiry(
  change: Change,
  nodeId: string,
  expiresAt: number,
  by: Decision,
): Promise<void> {
  const node = await requireNode(change.tx, nodeId);
  if (node.keyExpiresAt === expiresAt) return;
  await update(change, node, true, { key_expires_at: expiresAt, view_version: change.version() });
  const until = expiresAt === 0 ? 'never' : new Date(expiresAt).toISOString();
  await record(change, by, 'node.expire', node, `expires ${until}`, {
    before: { keyExpiresAt: node.keyExpiresAt },
    after: { keyExpiresAt: expiresAt },
  });
}

/** Removes a node for good: its certificates end, its addresses become free, others are told. */
export async function removeNode(change: Change, nodeId: string, by: Decision): Promise<void> {
  const { tx } = change;
  const node = await requireNode(tx, nodeId);
  const { slot } = await tx
    .selectFrom('nodes')
    .select('slot')
    .where('id', '=', nodeId)
    .executeTakeFirstOrThrow();
  const version = change.version();
  // Presence and certificates go with it (on delete cascade).
  await tx.deleteFrom('nodes').where('id', '=', nodeId).execute();
  await tx.insertInto('free_slots').values({ slot, freed_at_version: version }).execute();
  await tx.insertInto('removed_nodes').values({ id: nodeId, version, removed_at: by.now }).execute();
  await tellOfOverlaps(change, node, null);
  const { name, publicKey, address4, address6, tags } = node;
  await record(change, by, 'node.remove', node, `addresses ${address4} ${address6}`, {
    before: { name, publicKey, address4, address6, tags },
  });
}

/** Removes a node that nobody has had since a time; false where it is back, or gone already. */
export async function removeIfAway(
  change: Change,
  nodeId: string,
  since: number,
  by: Decision,
): Promise<boolean> {
  const node = await nodeById(change.tx, nodeId);
  if (node === null || node.online || node.lastSeenAt > since) return false;
  await removeNode(change, nodeId, by);
  return true;
}

/** Sets columns of a node; `visible` says that others can see something of it. */
export async function update(
  change: Change,
  node: NodeRecord,
  visible: boolean,
  values: Updateable<NodeTable>,
): Promise<void> {
  await change.tx
    .updateTable('nodes')
    .set({ ...values, version: visible ? change.version() : node.version })
    .where('id', '=', node.id)
    .execute();
}

/** The audit row of a change of a node. */
export async function record(
  change: Change,
  by: Decision,
  action: string,
  node: NodeRecord,
  detail: string,
  values: Pick<AuditRow, 'before' | 'after'>,
): Promise<void> {
  await change.audit({
    ...values,
    at: by.now,
    actor: by.actor,
    source: by.source,
    action,
    target: `${node.name} (${node.id})`,
    result: 'ok',
    detail,
  });
}
