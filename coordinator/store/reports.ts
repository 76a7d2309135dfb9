import { type Prefix, parsePrefix } from '../../shared/prefix.ts';
import { checkEndpoints } from '../network/endpoints.ts';
import { grantedMappings, grantedRoutes, isExitNode } from '../network/grants.ts';
import { checkOffers } from '../network/offers.ts';
import { checkSegments, grantedSegments } from '../network/segments.ts';
import { oneLine } from './audit.ts';
import type { Change } from './change.ts';
import type { NodeRecord, NodeReport } from './contract/nodes.ts';
import type { Engine } from './engine.ts';
import { nodeById, requireNode } from './nodes.ts';
import { tellOfOverlaps } from './overlaps.ts';
import { approveOffers } from './policies.ts';
import { toJson } from './rows.ts';

/** Whether a report says anything that is not stored yet: most do not, and then nothing is locked or written. */
export async function isNewReport(engine: Engine, nodeId: string, report: NodeReport): Promise<boolean> {
  const node = await nodeById(engine.reader, nodeId);
  if (node === null) return true;
  const { prefix4, prefix6 } = await engine.reader
    .selectFrom('network')
    .select(['prefix4', 'prefix6'])
    .where('id', '=', 1)
    .executeTakeFirstOrThrow();
  const overlay = [parsePrefix(prefix4) as Prefix, parsePrefix(prefix6) as Prefix];
  return differences(node, checked(report, overlay).report).length > 0;
}

/** Stores what a node reported of itself. Others learn of it only if it is theirs to see. Throws `not-found`. */
export async function putReport(
  change: Change,
  nodeId: string,
  untrusted: NodeReport,
  now: number,
): Promise<void> {
  const before = await requireNode(change.tx, nodeId);
  const { report, refused } = checked(untrusted, change.overlay());
  const changed = differences(before, report);
  if (changed.length === 0) return;
  const after: NodeRecord = { ...before, ...report };
  const visible = seenByOthers(before) !== seenByOthers(after);
  await change.tx
    .updateTable('nodes')
    .set({
      endpoints: toJson(report.endpoints),
      listen_port: report.listenPort,
      offered_routes: toJson(report.offers.routes),
      offered_exit_node: Number(report.offers.exitNode),
      offered_tags: toJson(report.offers.tags),
      offered_mappings: JSON.stringify(report.offers.mappings ?? []),
      home_relay: report.homeRelay,
      offered_segments: toJson(report.offeredSegments),
      reachable_endpoints: toJson(report.reachableEndpoints),
      accepts_routes: Number(report.acceptsRoutes),
      operating_system: report.operatingSystem,
      agent_version: report.agentVersion,
      last_seen_at: now,
      version: visible ? change.version() : before.version,
    })
    .where('id', '=', nodeId)
    .execute();
  await tellOfOverlaps(change, before, after);
  await approveOffers(change, after, before.offers, now);
  await change.audit({
    at: now,
    actor: `node:${nodeId}`,
    source: '',
    action: 'node.report',
    target: nodeId,
    result: 'ok',
    detail: [`changed: ${changed.join(', ')}`, ...refused.map((what) => `not taken: ${what}`)].join('; '),
  });
}

function checked(
  untrusted: NodeReport,
  overlay: readonly Prefix[],
): { report: Required<NodeReport>; refused: string[] } {
  const { offers, refused } = checkOffers(untrusted.offers, overlay);
  const port = untrusted.listenPort;
  return {
    refused,
    report: {
      endpoints: checkEndpoints(untrusted.endpoints, overlay),
      listenPort: Number.isInteger(port) && port >= 0 && port <= 65535 ? port : 0,
      offers,
      homeRelay: oneLine(untrusted.homeRelay ?? '', 64),
      offeredSegments: checkSegments(untrusted.offeredSegments ?? []),
      reachableEndpoints: checkEndpoints(untrusted.reachableEndpoints ?? [], overlay),
      acceptsRoutes: untrusted.acceptsRoutes ?? false,
      operatingSystem: oneLine(untrusted.operatingSystem, 64),
      agentVersion: oneLine(untrusted.agentVersion, 64),
    },
  };
}

/** Names of what a report says anew. */
function differences(node: NodeRecord, report: Required<NodeReport>): string[] {
  const names = [
    'endpoints',
    'listenPort',
    'offers',
    'homeRelay',
    'offeredSegments',
    'reachableEndpoints',
    'acceptsRoutes',
    'operatingSystem',
    'agentVersion',
  ] as const;
  return names.filter((name) => JSON.stringify(node[name]) !== JSON.stringify(report[name]));
}

function seenByOthers(node: NodeRecord): string {
  return JSON.stringify([
    node.endpoints,
    node.homeRelay,
    grantedRoutes(node),
    grantedMappings(node),
    isExitNode(node),
    grantedSegments(node),
  ]);
}
