import { grantedRoutes } from './grants.ts';
import {
  type CarriedRoute,
  carriedRoutes,
  overlapSentences,
  type RouteCarrier,
  type RouteOverlap,
  routeOverlaps,
} from './route-overlaps.ts';

/** What owners of routes should know of each other, computed once for all until somebody carries something else. */
export class OverlapNotices {
  #byNode: Map<string, [CarriedRoute, RouteOverlap[]][]> | null = null;

  /** `mayKnow`: whether the viewer may hear of another node. */
  noticesFor(viewerId: string, nodes: Iterable<RouteCarrier>, mayKnow: (id: string) => boolean): string[] {
    this.#byNode ??= byNode(nodes);
    return overlapSentences(this.#byNode.get(viewerId) ?? [], mayKnow);
  }

  /** A node takes another's place, or comes or goes. */
  replaced(before: RouteCarrier | undefined, after: RouteCarrier | undefined): void {
    if (carried(before) !== carried(after)) this.forget();
  }

  forget(): void {
    this.#byNode = null;
  }
}

function byNode(nodes: Iterable<RouteCarrier>): Map<string, [CarriedRoute, RouteOverlap[]][]> {
  const routes: CarriedRoute[] = [];
  for (const node of nodes) if (node.approvedRoutes.length > 0) routes.push(...carriedRoutes(node));
  const grouped = new Map<string, [CarriedRoute, RouteOverlap[]][]>();
  for (const entry of routeOverlaps(routes)) {
    const known = grouped.get(entry[0].nodeId);
    if (known === undefined) grouped.set(entry[0].nodeId, [entry]);
    else known.push(entry);
  }
  return grouped;
}

function carried(node: RouteCarrier | undefined): string {
  if (node === undefined || node.approvedRoutes.length === 0 || grantedRoutes(node).length === 0) return '';
  return JSON.stringify(carriedRoutes(node));
}
