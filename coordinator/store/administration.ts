import type { Updateable } from 'kysely';
import { WarrenError } from '../../shared/errors.ts';
import { grantedRoutes, isExitNode } from '../network/grants.ts';
import { dnsLabel, isDnsLabel } from '../network/names.ts';
import { routeRefusal } from '../network/offers.ts';
import { freeVni, grantedSegments } from '../network/segments.ts';
import { canonicalTag } from '../network/tags.ts';
import type { Change } from './change.ts';
import type { AuditActor, AuditRow } from './contract/audit.ts';
import type { NodeRecord } from './contract/nodes.ts';
import { listNodes, nodeById, requireNode } from './nodes.ts';
import { routeDetail, tellOfOverlaps } from './overlaps.ts';
import { toJson } from './rows.ts';
import type { NodeTable } from './schema.ts';

/** Who decides, and when. */
export interface Decision extends AuditActor {
  now: number;
}

/**
 * Grants or takes back one subnet route. Only what the node advertises can be granted, so that a slip in an address is
 * noticed; throws `not-found` for another, `usage` for what can be no route.
 */
export async function approveRoute(
  change: Change,
  nodeId: string,
  route: string,
  approved: boolean,
  by: Decision,
): Promise<void> {
  const node = await requireNode(change.tx, nodeId);
  const has = node.approvedRoutes.includes(route);
  if (approved && !has) {
    const why = routeRefusal(route, change.overlay());
    if (why !== null) {
      throw new WarrenError('usage', `${JSON.stringify(route)} cannot be a route: ${why}`, {
        hint: 'give a CIDR that the node advertises, such as 192.168.1.0/24',
      });
    }
    if (!node.offers.routes.includes(route)) {
      const offered = node.offers.routes.length === 0 ? 'no route' : node.offers.routes.join(', ');
      throw new WarrenError('not-found', `${node.name} does not advertise ${route}`, {
        hint: `it advertises ${offered}`,
      });
    }
  }
  if (approved === has) return;
  const approvedRoutes = approved
    ? [...node.approvedRoutes, route].sort()
    : node.approvedRoutes.filter((other) => other !== route);
  const visible = grantedRoutes({ ...node, approvedRoutes }).length !== grantedRoutes(node).length;
  const wasPreferred = node.preferredRoutes.includes(route);
  const preferredRoutes = node.preferredRoutes.filter((other) => other !== route);
  await update(change, node, visible, {
    approved_routes: toJson(approvedRoutes),
    ...(wasPreferred ? { preferred_routes: toJson(preferredRoutes) } : {}),
  });
  const overlaps = await tellOfOverlaps(change, node, { ...node, approvedRoutes });
  const detail = routeDetail(route, overlaps.get(route));
  await record(change, by, approved ? 'route.approve' : 'route.disapprove', node, detail, {
    before: {
      approvedRoutes: node.approvedRoutes,
      ...(wasPreferred ? { preferredRoutes: node.preferredRoutes } : {}),
    },
    after: { approvedRoutes, ...(wasPreferred ? { preferredRoutes } : {}) },
  });
}

/**
 * Prefers a node for a route that was approved for it, or no longer. Of the nodes that carry one network at most one is preferred:
 * another loses it. Throws `not-found` for a route that was not approved.
 */
export async function preferRoute(
  change: Change,
  nodeId: string,
  route: string,
  preferred: boolean,
  by: Decision,
): Promise<void> {
  const node = await requireNode(change.tx, nodeId);
  if (!node.approvedRoutes.includes(route)) {
    throw new WarrenError('not-found', `${route} was not approved for ${node.name}`, {
      hint: node.offers.routes.includes(route)
        ? 'it advertises it: approve it first'
        : `approved are ${node.approvedRoutes.join(', ') || 'none'}`,
    });
  }
  if (preferred) {
    for (const other of await listNodes(change.tx))
      if (other.id !== node.id) await setPreference(change, other, route, false, by);
  }
  await setPreference(change, node, route, preferred, by);
}

async function setPreference(
  change: Change,
  node: NodeRecord,
  route: string,
  preferred: boolean,
  by: Decision,
): Promise<void> {
  if (node.preferredRoutes.includes(route) === preferred) return;
  const preferredRoutes = preferred
    ? [...node.preferredRoutes, route].sort()
    : node.preferredRoutes.filter((other) => other !== route);
  const visible = grantedRoutes(node).includes(route);
  await update(change, node, visible, { preferred_routes: toJson(preferredRoutes) });
  await record(change, by, preferred ? 'route.prefer' : 'route.unprefer', node, route, {
    before: { preferredRoutes: node.preferredRoutes },
    after: { preferredRoutes },
  });
}

/**
 * Grants or takes back a node's part in a layer 2 segment, which gets its network identifier with the first. Throws `not-found`
 * for one that the node does not ask for, `exhausted` when there is no identifier left.
 */
export async function approveSegment(
  change: Change,
  nodeId: string,
  segment: string,
  approved: boolean,
  by: Decision,
): Promise<void> {
  const node = await requireNode(change.tx, nodeId);
  const has = node.approvedSegments.includes(segment);
  if (approved && !has && !node.offeredSegments.includes(segment)) {
    const offered = node.offeredSegments.length === 0 ? 'none' : node.offeredSegments.join(', ');
    throw new WarrenError('not-found', `${node.name} does not ask for the segment ${segment}`, {
      hint: `it asks for ${offered}`,
    });
  }
  if (approved === has) return;
  const approvedSegments = approved
    ? [...node.approvedSegments, segment].sort()
    : node.approvedSegments.filter((other) => other !== segment);
  const { segments } = change.settings();
  if (approved && segments[segment] === undefined) {
    const vni = freeVni(segments);
    if (vni === null) throw new WarrenError('exhausted', 'there is no network identifier left');
    change.setSettings({ ...change.settings(), segments: { ...segments, [segment]: vni } });
  }
  const visible = grantedSegments({ ...node, approvedSegments }).length !== grantedSegments(node).length;
  await update(change, node, visible, { approved_segments: toJson(approvedSegments) });
  await record(change, by, approved ? 'segment.approve' : 'segment.disapprove', node, segment, {
    before: { approvedSegments: node.approvedSegments },
    after: { approvedSegments },
  });
}

export async function approveExitNode(
  change: Change,
  nodeId: string,
  approved: boolean,
  by: Decision,
): Promise<void> {
  const node = await requireNode(change.tx, nodeId);
  if (node.exitNodeApproved === approved) return;
  const visible = isExitNode({ ...node, exitNodeApproved: approved }) !== isExitNode(node);
  await update(change, node, visible, { exit_node_approved: Number(approved) });
  await record(change, by, approved ? 'exit-node.approve' : 'exit-node.disapprove', node, '', {
    before: { exitNodeApproved: node.exitNodeApproved },
    after: { exitNodeApproved: approved },
  });
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
