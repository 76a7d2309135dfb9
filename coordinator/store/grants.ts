import { WarrenError } from '../../shared/errors.ts';
import { grantedRoutes, isExitNode } from '../network/grants.ts';
import { routeRefusal } from '../network/offers.ts';
import { freeVni, grantedSegments } from '../network/segments.ts';
import type { Access } from './access.ts';
import { type Decision, record, update } from './administration.ts';
import type { Change } from './change.ts';
import type { GrantStore } from './contract/grants.ts';
import type { NodeRecord } from './contract/nodes.ts';
import { listNodes, requireNode } from './nodes.ts';
import { routeDetail, tellOfOverlaps } from './overlaps.ts';
import { toJson } from './rows.ts';

/** What administrators grant, over either engine. */
export function sqlGrants({ change }: Access): GrantStore {
  return {
    approveRoute: (nodeId, route, approved, now, by) =>
      change((within) => approveRoute(within, nodeId, route, approved, { ...by, now })),
    preferRoute: (nodeId, route, preferred, now, by) =>
      change((within) => preferRoute(within, nodeId, route, preferred, { ...by, now })),
    approveSegment: (nodeId, segment, approved, now, by) =>
      change((within) => approveSegment(within, nodeId, segment, approved, { ...by, now })),
    approveExitNode: (nodeId, approved, now, by) =>
      change((within) => approveExitNode(within, nodeId, approved, { ...by, now })),
  };
}

/**
 * Grants or takes back one subnet route. Only what the node advertises can be granted, so that a slip in an address is
 * noticed; throws `not-found` for another, `usage` for what can be no route.
 */
async function approveRoute(
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
  const approvedRoutes = withMember(node.approvedRoutes, route, approved);
  const visible = grantedRoutes({ ...node, approvedRoutes }).length !== grantedRoutes(node).length;
  const wasPreferred = node.preferredRoutes.includes(route);
  const preferredRoutes = withMember(node.preferredRoutes, route, false);
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
async function preferRoute(
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
  const preferredRoutes = withMember(node.preferredRoutes, route, preferred);
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
async function approveSegment(
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
  const approvedSegments = withMember(node.approvedSegments, segment, approved);
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

async function approveExitNode(
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

/** A list of what is granted, sorted, with one more member than before or one less. */
function withMember(list: readonly string[], member: string, isIn: boolean): string[] {
  return isIn ? [...list, member].sort() : list.filter((other) => other !== member);
}
