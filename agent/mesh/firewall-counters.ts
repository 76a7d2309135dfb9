import type { MapFilter } from './network-map.ts';

/** What a counter of nftables has counted. */
export interface Count {
  packets: number;
  bytes: number;
}

/** Counters by their names. */
export type Counts = ReadonlyMap<string, Count>;

/** Of what the policy denies. */
export const DENIED_COUNTER = 'denied';
/** Of packets that brought an overlay address along by another way than the tunnel. */
export const FOREIGN_COUNTER = 'foreign';
/** Of packets that somebody outside had sent into the mesh unasked. */
export const UNASKED_COUNTER = 'unasked';

/** The counter of a rule, by its position in the filter. */
export function ruleCounter(position: number): string {
  return `rule_${position}`;
}

/** As a table declares it. */
export function counter(name: string, counts: Counts): string {
  const count = counts.get(name);
  return `  counter ${name} { ${count === undefined ? '' : `packets ${count.packets} bytes ${count.bytes} `}}\n`;
}

/**
 * Which counts of a table go on in the next one: those of the borders, and of rules that grant the same by the same place of the
 * policy. Their sources may be others, as when nodes come and go.
 */
export function keptCounts(
  counts: Counts,
  before: MapFilter | undefined,
  after: MapFilter | undefined,
): Counts {
  const kept = new Map<string, Count>();
  for (const name of [FOREIGN_COUNTER, UNASKED_COUNTER, ...(after === undefined ? [] : [DENIED_COUNTER])]) {
    const count = counts.get(name);
    if (count !== undefined) kept.set(name, count);
  }
  const known = new Map(
    (before?.rules ?? []).map((rule, position) => [grantOf(rule), ruleCounter(position)]),
  );
  for (const [position, rule] of (after?.rules ?? []).entries()) {
    const count = counts.get(known.get(grantOf(rule)) ?? '');
    if (count !== undefined) kept.set(ruleCounter(position), count);
  }
  return kept;
}

function grantOf({ id, destinations, services }: MapFilter['rules'][number]): string {
  return JSON.stringify([id, destinations, services]);
}
