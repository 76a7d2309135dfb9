import type { MapPeer } from './network-map.ts';

/** A network that several peers carry, which stand in for each other. */
export interface RouterGroup {
  /** CIDR. */
  route: string;
  /** By node id; two or more. */
  routers: readonly MapPeer[];
}

/** What is known of a router. */
export interface RouterState {
  nodeId: string;
  /** By an administrator, for this network. */
  preferred: boolean;
  /** Since when the coordinator says that it is away; null while it is there. */
  awaySince: number | null;
  /** As the tunnel says, while there is traffic; `lost` until something shows that it is back. */
  reach: 'direct' | 'relay' | 'lost' | 'unknown';
  /** Of a direct path, milliseconds; null if not known. */
  roundTrip: number | null;
  /** When it was last found again after it had been lost, or -Infinity. */
  backSince: number;
}

/** Which router a network goes through. */
export interface RouterChoice {
  nodeId: string;
  /** Why it took the place of another, or that it is preferred; null for neither. */
  why: string | null;
  /** One that would be better if it stays so, and since when; null for none. */
  challenger: { nodeId: string; since: number } | null;
  /** When to look again though nothing changes; Infinity if never. */
  lookAgainAt: number;
}

/** Why a router is used that an administrator prefers. */
export const PREFERRED = 'preferred by an administrator';
/** A better router must have been so for this long. */
const SETTLING_TIME = 5_000;
/** One that the coordinator says is away may only have lost the coordinator, which has been started anew. */
const AWAY_TIME = 3_000;
/** One that was lost must have been back for this long: a change of router costs the connections that are translated there. */
const RETURN_TIME = 30_000;
/** A round trip is better only if it is shorter by this factor and by this many milliseconds, and no worse within the latter. */
const HYSTERESIS_FACTOR = 0.8;
const HYSTERESIS = 3;

/**
 * The networks that several routers carry. A prefix behind which two sites have different networks goes to those of the router
 * with the least node id, on every host alike: a stand-in has to lead to the same place.
 */
export function routerGroups(peers: readonly MapPeer[]): RouterGroup[] {
  const carriers = new Map<string, MapPeer[]>();
  for (const peer of [...peers].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1))) {
    for (const route of peer.routes) {
      const known = carriers.get(route);
      if (known === undefined) carriers.set(route, [peer]);
      else if (siteOf(known[0] as MapPeer, route) === siteOf(peer, route)) known.push(peer);
    }
  }
  return [...carriers]
    .filter(([, routers]) => routers.length > 1)
    .map(([route, routers]) => ({ route, routers }));
}

/**
 * The router to use. One that is lost is left at once if another is there, and soon one that the coordinator says is away while no
 * direct path says otherwise. A better one takes over when it has been so for a while: one that is preferred before all others, direct
 * before relay, and then by round trip with hysteresis; among equals the least node id wins. `before`: the choice of last time, null for none.
 */
export function chooseRouter(
  before: RouterChoice | null,
  routers: readonly RouterState[],
  now: number,
): RouterChoice {
  const sorted = [...routers].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  const isPresent = ({ awaySince, reach }: RouterState) =>
    reach === 'direct' || (reach !== 'lost' && (awaySince === null || now < awaySince + AWAY_TIME));
  const present = sorted.filter(isPresent);
  const stay = (nodeId: string, why: string | null = null): RouterChoice => ({
    nodeId,
    why,
    challenger: null,
    lookAgainAt: Number.POSITIVE_INFINITY,
  });
  const current = sorted.find(({ nodeId }) => nodeId === before?.nodeId);
  if (current === undefined || !isPresent(current)) {
    const next = best(present) ?? current ?? (sorted[0] as RouterState);
    if (before === null || next === current) return stay(next.nodeId, whyKept(next));
    return stay(
      next.nodeId,
      current?.reach === 'lost' ? 'the one before does not answer' : 'the one before is away',
    );
  }
  const goneAt =
    current.reach === 'direct' || current.awaySince === null
      ? Number.POSITIVE_INFINITY
      : current.awaySince + AWAY_TIME;
  const there = present.filter(({ awaySince, reach }) => awaySince === null || reach === 'direct');
  const other = best(there.filter((router) => improvement(current, router) !== null));
  if (other === null) return { ...stay(current.nodeId, whyKept(current)), lookAgainAt: goneAt };
  const since = before?.challenger?.nodeId === other.nodeId ? before.challenger.since : now;
  const at = Math.max(since + SETTLING_TIME, other.backSince + RETURN_TIME);
  if (now >= at) return stay(other.nodeId, improvement(current, other));
  const challenger = { nodeId: other.nodeId, since };
  return { nodeId: current.nodeId, why: null, challenger, lookAgainAt: Math.min(at, goneAt) };
}

/** Why another is to take the place of the current one; null if it is not. Of two at most one is for the other. */
function improvement(current: RouterState, other: RouterState): string | null {
  if (other === current) return null;
  if (other.preferred !== current.preferred) return other.preferred ? PREFERRED : null;
  if (other.reach === 'direct' && current.reach === 'relay') return 'direct';
  if (isShorter(other, current)) return 'shorter round trip';
  const isAsNear = CERTAINTY.indexOf(other.reach) <= CERTAINTY.indexOf(current.reach);
  const isNoWorse =
    other.roundTrip === null ||
    current.roundTrip === null ||
    other.roundTrip <= current.roundTrip + HYSTERESIS;
  return isAsNear && isNoWorse && other.nodeId < current.nodeId ? 'as good, and first' : null;
}

const CERTAINTY: readonly RouterState['reach'][] = ['direct', 'relay', 'unknown', 'lost'];

function isShorter(a: RouterState, b: RouterState): boolean {
  if (a.roundTrip === null || b.roundTrip === null) return false;
  return a.roundTrip + HYSTERESIS < b.roundTrip * HYSTERESIS_FACTOR;
}

/** The best of some, in the order of their ids. */
function best(routers: readonly RouterState[]): RouterState | null {
  return routers.reduce<RouterState | null>(
    (least, router) => (least === null || isBetter(router, least) ? router : least),
    null,
  );
}

function isBetter(a: RouterState, b: RouterState): boolean {
  if (a.preferred !== b.preferred) return a.preferred;
  if (a.reach !== b.reach) return a.reach === 'direct';
  return isShorter(a, b);
}

function whyKept({ preferred }: RouterState): string | null {
  return preferred ? PREFERRED : null;
}

function siteOf({ mappings }: MapPeer, route: string): string {
  return mappings.find(({ prefix }) => prefix === route)?.sitePrefix ?? route;
}
