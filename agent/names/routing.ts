import type { MapDns } from '../mesh/network-map.ts';
import { isServiceAddress } from './service-address.ts';
import { isWithin, type Zone, type ZoneEntry } from './zone.ts';

/** Who answers a question. */
export type Way =
  | { kind: 'zone'; entry: ZoneEntry }
  /** One that the agent itself needs: by the host's own resolvers whatever is set, and from memory where they fail. */
  | { kind: 'needed'; resolvers: readonly string[] }
  | { kind: 'forward'; resolvers: readonly string[]; by: 'host' | 'exit' | 'network' | 'split' };

export interface Routing {
  zone: Zone;
  dns: Pick<MapDns, 'resolvers' | 'split'>;
  /** As the host had them before Warren came. */
  hostResolvers: readonly string[];
  /** Those of the exit node in use, that are asked in place of the host's own; null without one. */
  exitResolvers: readonly string[] | null;
  /** Names of coordinator, relays and STUN servers, lower-case. */
  needed: ReadonlySet<string>;
}

/**
 * The longest suffix wins. First of all comes what the agent needs to find the mesh, which must depend on nothing behind the
 * mesh; an address of agents is never asked.
 */
export function wayOf(name: string, { zone, dns, hostResolvers, exitResolvers, needed }: Routing): Way {
  const own = withoutLoops(hostResolvers);
  if (needed.has(name)) return { kind: 'needed', resolvers: own };
  const entry = zone.find(name);
  let best: { domain: string; resolvers: readonly string[] } | null = null;
  for (const { domain, resolvers } of dns.split) {
    const lower = domain.toLowerCase();
    if (isWithin(name, lower) && (best === null || lower.length > best.domain.length))
      best = { domain: lower, resolvers };
  }
  if (entry !== null && (best === null || best.domain.length <= entry.apex.length))
    return { kind: 'zone', entry };
  if (best !== null) return { kind: 'forward', resolvers: withoutLoops(best.resolvers), by: 'split' };
  if (dns.resolvers.length > 0)
    return { kind: 'forward', resolvers: withoutLoops(dns.resolvers), by: 'network' };
  return exitResolvers === null
    ? { kind: 'forward', resolvers: own, by: 'host' }
    : { kind: 'forward', resolvers: exitResolvers, by: 'exit' };
}

function withoutLoops(resolvers: readonly string[]): string[] {
  return resolvers.filter((address) => !isServiceAddress(address));
}
