import { parsePrefix, prefixesOverlap } from '../shared/prefix.ts';
import type { NetworkMap } from './mesh/network-map.ts';
import type { RouteInUse } from './router-keeper.ts';

/** A network that this host offers to carry. */
export interface AdvertisedRoute {
  /** As the mesh has it, CIDR. */
  route: string;
  /** What it stands for here; null where that is the same. */
  sitePrefix: string | null;
  state: 'approved' | 'waits for approval' | 'cannot be approved: it overlaps the mesh';
}

/** What `agent status` tells of networks behind hosts. */
export interface RoutingStatus {
  /** Networks of others that this host reaches through the mesh. */
  routes: RouteInUse[];
  advertised: AdvertisedRoute[];
  /** For whoever administers this host, one sentence each: routes that overlap, and what this host cannot have. */
  notices: string[];
}

export function routingStatus(
  map: NetworkMap | null,
  offered: {
    routes: readonly string[];
    mappings: readonly { prefix: string; sitePrefix: string }[];
    acceptRoutes: boolean;
  },
  /** Those of several routers. */
  chosen: readonly RouteInUse[],
  /** What this host cannot have. */
  notes: readonly string[],
): RoutingStatus {
  const byRoute = new Map(chosen.map((each) => [each.route, each]));
  const own = new Set(map?.self.approvedRoutes);
  const routes = new Map<string, RouteInUse>();
  for (const peer of offered.acceptRoutes ? (map?.peers ?? []) : []) {
    for (const route of peer.routes) {
      if (own.has(route) || routes.has(route)) continue;
      routes.set(route, byRoute.get(route) ?? { route, router: peer.name, standIns: [], why: null });
    }
  }
  return {
    routes: [...routes.values()].sort((a, b) => (a.route < b.route ? -1 : 1)),
    advertised: offered.routes.map((route) => ({
      route,
      sitePrefix: offered.mappings.find(({ prefix }) => prefix === route)?.sitePrefix ?? null,
      state: stateOf(route, map),
    })),
    notices: [...(map?.self.notices ?? []), ...notes],
  };
}

function stateOf(route: string, map: NetworkMap | null): AdvertisedRoute['state'] {
  if (map?.self.approvedRoutes.includes(route)) return 'approved';
  const prefix = parsePrefix(route);
  const isOverlay = map?.self.networkPrefixes.some((range) => {
    const overlay = parsePrefix(range);
    return prefix !== null && overlay !== null && prefixesOverlap(overlay, prefix);
  });
  return isOverlay ? 'cannot be approved: it overlaps the mesh' : 'waits for approval';
}
