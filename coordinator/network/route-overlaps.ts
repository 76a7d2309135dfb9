import { compareIp } from '../../shared/ip.ts';
import { type Prefix, parsePrefix, prefixContains } from '../../shared/prefix.ts';
import { type Granted, grantedMappings, grantedRoutes } from './grants.ts';

/** A network that a node carries or would like to. */
export interface CarriedRoute {
  readonly nodeId: string;
  readonly node: string;
  /** As the mesh has it, canonical CIDR. */
  readonly route: string;
  /** What the hosts of that site have, where it is another. */
  readonly sitePrefix: string | null;
  readonly approved: boolean;
}

/** What stands against a route of one node. `other-site`: the same prefix, behind which another network is. */
export interface RouteOverlap extends CarriedRoute {
  readonly kind: 'overlaps' | 'other-site';
}

/** What the overlaps of a network depend on in a node. */
export interface RouteCarrier extends Granted {
  readonly id: string;
  readonly name: string;
}

/** More sentences about its routes are of no use to anybody. */
const MOST_NOTICES = 16;

/** What a node carries and was granted. */
export function carriedRoutes(node: RouteCarrier): CarriedRoute[] {
  const sites = new Map(grantedMappings(node).map(({ prefix, sitePrefix }) => [prefix, sitePrefix]));
  return grantedRoutes(node).map((route) => ({
    nodeId: node.id,
    node: node.name,
    route,
    sitePrefix: sites.get(route) ?? null,
    approved: true,
  }));
}

/**
 * For each route that stands against one of another node, what it stands against: networks that hold each other, and the same
 * prefix for two sites. The same network at two routers is none: one of them stands in for the other.
 */
export function routeOverlaps(routes: readonly CarriedRoute[]): Map<CarriedRoute, RouteOverlap[]> {
  const found = new Map<CarriedRoute, RouteOverlap[]>();
  const note = (route: CarriedRoute, other: CarriedRoute, kind: RouteOverlap['kind']) => {
    const known = found.get(route);
    if (known === undefined) found.set(route, [{ ...other, kind }]);
    else known.push({ ...other, kind });
  };
  const sorted = routes
    .flatMap((route) => {
      const prefix = parsePrefix(route.route);
      return prefix === null ? [] : [{ route, prefix }];
    })
    .sort((a, b) => compareIp(a.prefix.bytes, b.prefix.bytes) || a.prefix.length - b.prefix.length);
  // In this order those that hold a network come before it, each within the one before.
  const around: { route: CarriedRoute; prefix: Prefix }[] = [];
  for (const entry of sorted) {
    while (around.length > 0 && !holds((around.at(-1) as typeof entry).prefix, entry.prefix)) around.pop();
    for (const { route, prefix } of around) {
      if (route.nodeId === entry.route.nodeId) continue;
      const isSame = prefix.length === entry.prefix.length;
      if (isSame && route.sitePrefix === entry.route.sitePrefix) continue;
      const kind = isSame ? 'other-site' : 'overlaps';
      note(route, entry.route, kind);
      note(entry.route, route, kind);
    }
    around.push(entry);
  }
  return found;
}

/** What the owner of a node should know of its routes. `mayKnow`: whether the node may hear of another. */
export function overlapSentences(
  overlaps: readonly (readonly [CarriedRoute, readonly RouteOverlap[]])[],
  mayKnow: (nodeId: string) => boolean,
): string[] {
  const sentences = overlaps.flatMap(([own, others]) =>
    others.map((other) => sentence(own, other, mayKnow(other.nodeId))),
  );
  return [...new Set(sentences)].sort().slice(0, MOST_NOTICES);
}

/** One overlap in words, for the log: `overlaps 10.0.0.0/8 of db1`. */
export function overlapWords({ kind, route, node, sitePrefix }: RouteOverlap): string {
  if (kind === 'overlaps') return `overlaps ${route} of ${node}`;
  return `is another network at ${node}${sitePrefix === null ? '' : ` (${sitePrefix})`}`;
}

function sentence(own: CarriedRoute, other: RouteOverlap, isKnown: boolean): string {
  const whose = isKnown ? other.node : 'another node';
  if (other.kind === 'other-site') {
    return `${own.route} is carried by ${whose} too, but for another network: hosts use one of the two`;
  }
  const wider = lengthOf(own.route) < lengthOf(other.route);
  return wider
    ? `${own.route} overlaps ${other.route} of ${whose}, which wins for its part: it is more specific`
    : `${own.route} overlaps ${other.route} of ${whose}, and wins: it is more specific`;
}

function lengthOf(cidr: string): number {
  return (parsePrefix(cidr) as Prefix).length;
}

function holds(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && prefixContains(outer, inner.bytes);
}
