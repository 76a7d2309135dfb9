import { borders, type WantedBorders } from './firewall-borders.ts';
import type { Counts } from './firewall-counters.ts';
import { policyJudging, type WantedJudging } from './firewall-policy.ts';
import type { MapFilter } from './network-map.ts';
import type { Transit } from './transit.ts';
import { transitRules } from './transit-rules.ts';

/** What the firewall of a host follows. */
export interface WantedFirewall extends WantedBorders, WantedJudging {
  /** What may come in from the mesh; undefined for everything. */
  filter: MapFilter | undefined;
  /** Null for a host that is no device's gateway. */
  transit: Transit | null;
}

const NOTHING: Counts = new Map();

/** The table's name, and the script that takes it away, whether it is there or not. */
export function firewallTable(interfaceName: string): string {
  return `inet warren-${interfaceName}`;
}
export function withoutFirewall(interfaceName: string): string {
  const table = firewallTable(interfaceName);
  return `table ${table}\ndelete table ${table}\n`;
}

/**
 * The firewall of a host as a script for nft(8), which replaces the table in one transaction. `counts` is what its counters begin
 * with.
 */
export function firewallRules(wanted: WantedFirewall, counts: Counts = NOTHING): string {
  const { interfaceName, filter } = wanted;
  const transit = transitRules(wanted.transit, interfaceName, wanted.carries);
  const judging = filter === undefined ? '' : policyJudging(wanted, filter, counts, transit);
  return `${withoutFirewall(interfaceName)}table ${firewallTable(interfaceName)} {
${borders(wanted, counts, transit)}${judging}}
`;
}
