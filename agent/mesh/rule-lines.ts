import { ruleCounter } from './firewall-counters.ts';
import type { MapFilter } from './network-map.ts';
import { type Family, ipOf, oneOf, range } from './nft-words.ts';
import { WITH_PORTS } from './service-owners.ts';

/** A rule of a policy with its position in the filter. */
export interface PlacedRule {
  position: number;
  rule: MapFilter['rules'][number];
}

/**
 * Where rules are asked: about what comes in, and about answers that leave, whose source is where the flow went. What comes in is
 * counted by the rule.
 */
export const WAYS = [
  { way: 'in', address: 'daddr', port: 'dport', counts: true },
  { way: 'out', address: 'saddr', port: 'sport', counts: false },
] as const;
export type Way = (typeof WAYS)[number];

/** Rules as they stand, a line for each service. Of lines that accept the same the first one counts. */
export function ruleLines(rules: readonly PlacedRule[], way: Way, family: Family): string[] {
  const first = new Map<string, number>();
  for (const { position, rule } of rules) {
    const own = rule.destinations.filter((cidr) => ipOf(cidr) === family.ip);
    if (own.length === 0) continue;
    const to = `${family.ip} ${way.address} ${oneOf(own)} `;
    for (const service of serviceMatches(rule, way)) {
      const match = `${to}${service}`;
      if (!first.has(match)) first.set(match, position);
    }
  }
  return [...first].map(([match, position]) => `${match}${accepted(position, way)}`);
}

/** The verdict of whatever a rule lets through. */
export function accepted(position: number, { counts }: Way): string {
  return counts ? `counter name ${ruleCounter(position)} accept` : 'accept';
}

function serviceMatches({ services }: MapFilter['rules'][number], { port }: Way): string[] {
  if (services.length === 0) return [''];
  return services.map(({ protocol, firstPort, lastPort }) => {
    const hasPorts = firstPort !== 0 || lastPort !== 0;
    if (!hasPorts) return protocol === 0 ? '' : `meta l4proto ${protocol} `;
    return `meta l4proto ${oneOf(protocol === 0 ? WITH_PORTS : [protocol])} th ${port} ${range(firstPort, lastPort)} `;
  });
}
