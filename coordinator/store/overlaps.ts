import { grantedRoutes } from '../network/grants.ts';
import { carriedRoutes, overlapWords, type RouteOverlap, routeOverlaps } from '../network/route-overlaps.ts';
import type { Change } from './change.ts';
import type { NodeRecord } from './contract/nodes.ts';
import { nodeFromRow } from './rows.ts';

/**
 * To be called when what a node carries, or its name, was changed: the nodes whose networks overlap those that it has or had hear of
 * it with this version. Null stands for a node that is gone. Returns what now stands against each of its routes.
 */
export async function tellOfOverlaps(
  change: Change,
  before: NodeRecord,
  after: NodeRecord | null,
): Promise<Map<string, RouteOverlap[]>> {
  const had = carriedRoutes(before);
  const has = after === null ? [] : carriedRoutes(after);
  if (had.length + has.length === 0 || JSON.stringify(had) === JSON.stringify(has)) return new Map();
  const rows = await change.tx
    .selectFrom('nodes')
    .selectAll()
    .where('approved_routes', '!=', '[]')
    .where('id', '!=', before.id)
    .execute();
  const others = rows
    .map(nodeFromRow)
    .filter((node) => grantedRoutes(node).length > 0)
    .flatMap(carriedRoutes);
  const overlapsOf = (routes: typeof had) => {
    const all = routeOverlaps([...others, ...routes]);
    return new Map(routes.map((route) => [route.route, all.get(route) ?? []]));
  };
  const now = overlapsOf(has);
  const touched = new Set([...overlapsOf(had).values(), ...now.values()].flat().map(({ nodeId }) => nodeId));
  if (touched.size > 0) {
    await change.tx
      .updateTable('nodes')
      .set({ version: change.version() })
      .where('id', 'in', [...touched])
      .execute();
  }
  return now;
}

/** For an audit row: the route and what stands against it. */
export function routeDetail(route: string, overlaps: readonly RouteOverlap[] = []): string {
  return [route, ...overlaps.slice(0, 8).map(overlapWords)].join('; ');
}
