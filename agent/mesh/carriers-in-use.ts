import { type Prefix, parsePrefix, prefixContains } from '../../shared/prefix.ts';
import type { WantedState } from './wanted-state.ts';

/** By which nodes this host reaches what is behind nodes. */
export interface CarriersInUse {
  /** Networks of others, CIDRs, in their order as text. */
  routeUses: { route: string; nodeId: string }[];
  /** Empty where no exit node is in use. */
  exitNodeId: string;
}

export const NO_CARRIERS: CarriersInUse = { routeUses: [], exitNodeId: '' };

/**
 * What is in use of what was wanted. `routed`: what goes into the tunnel, where a network may be in parts. `connected`: networks of
 * this host, which win for what is within them.
 */
export function carriersInUse(
  { peers, exit, elsewhere }: Pick<WantedState, 'peers' | 'exit' | 'elsewhere'>,
  routed: readonly string[],
  connected: readonly Prefix[],
): CarriersInUse {
  const networks = new Set(elsewhere);
  const whole = new Set(routed);
  const parts = routed.filter((cidr) => !networks.has(cidr)).map((cidr) => parsePrefix(cidr) as Prefix);
  const isUsed = (cidr: string) => {
    const { bytes, length } = parsePrefix(cidr) as Prefix;
    if (connected.some((each) => each.length <= length && prefixContains(each, bytes))) return false;
    const isPart = (part: Prefix) => part.length > length && prefixContains({ bytes, length }, part.bytes);
    return whole.has(cidr) || parts.some(isPart);
  };
  const routeUses = peers.flatMap(({ nodeId, allowedIps }) =>
    allowedIps.filter((cidr) => networks.has(cidr) && isUsed(cidr)).map((route) => ({ route, nodeId })),
  );
  return {
    routeUses: routeUses.sort((a, b) => (a.route < b.route ? -1 : 1)),
    exitNodeId: exit?.nodeId ?? '',
  };
}
