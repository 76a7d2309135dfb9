import { type CarriedRoute, type RouteCarrier, type RouteOverlap, routeOverlaps } from './route-overlaps.ts';

/** A network that a node advertises or was granted, for people. */
export interface RouteRow extends CarriedRoute {
  /** `mapped`: the mesh has it under another prefix than its site. */
  readonly kind: 'subnet' | 'mapped';
  /** Advertised now. One that is not, but was approved, is carried again as soon as it is. */
  readonly offered: boolean;
  /** By an administrator: it goes before the alternatives. */
  readonly preferred: boolean;
  /** Whether the node is connected. */
  readonly online: boolean;
  /** Names of the other nodes that were granted the same network, which take over when this one is away. */
  readonly alternatives: readonly string[];
  /** Name of the alternative that is preferred; null if none is. */
  readonly standsInFor: string | null;
  /** Routes of other nodes that stand against it, advertised ones too. */
  readonly overlaps: readonly RouteOverlap[];
}

/** All routes of a network, by prefix as text and then by node. */
export function routeTable(
  nodes: Iterable<RouteCarrier & { readonly online: boolean; readonly preferredRoutes: readonly string[] }>,
): RouteRow[] {
  const rows: Omit<RouteRow, 'alternatives' | 'standsInFor' | 'overlaps'>[] = [];
  for (const node of nodes) {
    const offered = new Set(node.offers.routes);
    const sites = new Map(node.offers.mappings?.map(({ prefix, sitePrefix }) => [prefix, sitePrefix]));
    for (const route of new Set([...offered, ...node.approvedRoutes])) {
      const sitePrefix = sites.get(route) ?? null;
      rows.push({
        nodeId: node.id,
        node: node.name,
        route,
        sitePrefix,
        kind: sitePrefix === null ? 'subnet' : 'mapped',
        approved: node.approvedRoutes.includes(route),
        offered: offered.has(route),
        preferred: node.preferredRoutes.includes(route),
        online: node.online,
      });
    }
  }
  const overlaps = routeOverlaps(rows);
  const granted = new Map<string, typeof rows>();
  for (const row of rows) {
    if (!row.approved || !row.offered) continue;
    granted.set(siteOf(row), [...(granted.get(siteOf(row)) ?? []), row]);
  }
  const othersFor = (row: (typeof rows)[number]) =>
    (granted.get(siteOf(row)) ?? []).filter(({ nodeId }) => nodeId !== row.nodeId);
  return rows
    .map((row) => ({
      ...row,
      alternatives: othersFor(row)
        .map(({ node }) => node)
        .sort(),
      standsInFor: othersFor(row).find(({ preferred }) => preferred)?.node ?? null,
      overlaps: (overlaps.get(row) ?? []).map(({ nodeId, node, route, sitePrefix, approved, kind }) => ({
        nodeId,
        node,
        route,
        sitePrefix,
        approved,
        kind,
      })),
    }))
    .sort((a, b) => compare(a.route, b.route) || compare(a.node, b.node));
}

/** Equal for routers that can stand in for each other. */
function siteOf({ route, sitePrefix }: CarriedRoute): string {
  return `${route} ${sitePrefix ?? ''}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
