import { NOT_PUBLIC4 } from '../../shared/internet.ts';
import { type Prefix, parsePrefix, prefixesOverlap } from '../../shared/prefix.ts';
import type { MapFilter, MapSelf, NetworkMap } from './network-map.ts';
import { hostPrefix, type WantedState } from './wanted-state.ts';

/** DNS (RFC 1035 4.2), by UDP and TCP. */
const SERVICES = [17, 6].map((protocol) => ({ protocol, firstPort: 53, lastPort: 53 }));
const PRIVATE = NOT_PUBLIC4.map((cidr) => parsePrefix(cidr) as Prefix);
/** Of unique local addresses, the overlay's among them (RFC 4193). */
const LOCAL6 = parsePrefix('fc00::/7') as Prefix;

/**
 * An exit node's filter with what goes with being one: whoever may reach anything of the Internet by it may ask it for names too.
 * Undefined stays undefined: everybody may everything then.
 */
export function withExitDns({
  filter,
  exitNodeApproved,
  addresses,
  approvedRoutes,
}: MapSelf): MapFilter | undefined {
  if (filter === undefined || !exitNodeApproved) return filter;
  const carried = approvedRoutes.map((cidr) => parsePrefix(cidr) as Prefix);
  const isInternet = (cidr: string) => {
    const prefix = parsePrefix(cidr) as Prefix;
    return ![...PRIVATE, LOCAL6, ...carried].some((other) => prefixesOverlap(other, prefix));
  };
  const sources = filter.rules
    .filter(({ destinations }) => destinations.some(isInternet))
    .flatMap((rule) => rule.sources);
  if (sources.length === 0) return filter;
  const rule = {
    id: 'names at an exit node',
    sources: [...new Set(sources)].sort(),
    destinations: addresses.map(hostPrefix),
    services: SERVICES,
  };
  return { rules: [...filter.rules, rule] };
}

/** Whom a host asks in place of its own resolvers: null without an exit node, nobody while none carries. */
export function exitResolvers(map: NetworkMap, exit: WantedState['exit']): string[] | null {
  if (exit === null) return null;
  return map.peers.find(({ nodeId }) => nodeId === exit.nodeId)?.addresses ?? [];
}
