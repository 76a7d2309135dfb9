import type { CarriersInUse } from '../../proto/gen/warren.ts';
import { grantedRoutes, isExitNode } from '../network/grants.ts';
import type { MeshNodes } from './mesh-nodes.ts';

/** More networks of one machine than this are not counted. */
export const MAX_ROUTE_USES = 1_000;
/** In the place of a network: all the rest, by an exit node. */
const INTERNET = '';

interface Use {
  /** CIDR, or `INTERNET`. */
  route: string;
  nodeId: string;
}

/** How many connected machines say that they reach something by a node. */
export class CarrierUses {
  /** By the machine that told, for as long as it is connected. */
  readonly #told = new Map<string, readonly Use[]>();
  /** By carrier, then by what it carries. */
  readonly #counts = new Map<string, Map<string, number>>();

  /** Machines that reach a network, CIDR, by a node; null while none has told anything. */
  ofRoute(nodeId: string, route: string): number | null {
    return this.#told.size === 0 ? null : (this.#counts.get(nodeId)?.get(route) ?? 0);
  }

  /** The same for the Internet. */
  ofExit(nodeId: string): number | null {
    return this.ofRoute(nodeId, INTERNET);
  }

  /** Takes all that a machine says: untrusted. What the nodes it names do not carry, or it may not see, is left out. */
  take(reporterId: string, { routeUses, exitNodeId }: CarriersInUse, nodes: MeshNodes): void {
    const uses = new Map<string, Use>();
    const carried = new Map<string, ReadonlyMap<string, Use>>();
    for (const { route, nodeId } of routeUses.slice(0, MAX_ROUTE_USES)) {
      if (route === INTERNET) continue;
      const known = carried.get(nodeId) ?? carriedBy(reporterId, nodeId, nodes);
      carried.set(nodeId, known);
      const use = known.get(route);
      if (use !== undefined && !uses.has(use.route)) uses.set(use.route, use);
    }
    const exit = carriedBy(reporterId, exitNodeId, nodes).get(INTERNET);
    if (exit !== undefined) uses.set(INTERNET, exit);
    this.forget(reporterId);
    this.#told.set(reporterId, [...uses.values()]);
    for (const use of uses.values()) this.#count(use, 1);
  }

  /** What a machine says, as far as it was taken; undefined before it said anything. */
  toldBy(reporterId: string): CarriersInUse | undefined {
    const uses = this.#told.get(reporterId);
    return uses === undefined
      ? undefined
      : {
          routeUses: uses.filter(({ route }) => route !== INTERNET),
          exitNodeId: uses.find(({ route }) => route === INTERNET)?.nodeId ?? '',
        };
  }

  /** A machine is no longer connected. */
  forget(reporterId: string): void {
    for (const use of this.#told.get(reporterId) ?? []) this.#count(use, -1);
    this.#told.delete(reporterId);
  }

  #count({ nodeId, route }: Use, change: number): void {
    const counts = this.#counts.get(nodeId) ?? new Map<string, number>();
    const count = (counts.get(route) ?? 0) + change;
    if (count > 0) counts.set(route, count);
    else counts.delete(route);
    if (counts.size > 0) this.#counts.set(nodeId, counts);
    else this.#counts.delete(nodeId);
  }
}

/** What a node carries now for one that may see it; the strings are the coordinator's own, so that nothing of a message is kept. */
function carriedBy(viewerId: string, nodeId: string, nodes: MeshNodes): ReadonlyMap<string, Use> {
  const node = nodes.node(nodeId);
  if (node === undefined || nodeId === viewerId || !nodes.mayMeet(viewerId, nodeId)) return new Map();
  const carried = [...grantedRoutes(node), ...(isExitNode(node) ? [INTERNET] : [])];
  return new Map(carried.map((route) => [route, { route, nodeId: node.id }]));
}
