/** All that a run measured: what the page is made of, and docs/benchmark.json. */
import type { Comparison } from './compare.ts';
import type { Filtered } from './filtered.ts';
import type { HeapProfile } from './heap/measure.ts';
import type { Machine } from './machine.ts';
import type { Sample } from './measure.ts';
import type { Relayed } from './relayed.ts';
import type { Scale } from './scale.ts';

export const PARTS = ['comparison', 'scale', 'heap', 'relayed', 'filtered'] as const;
export type Part = (typeof PARTS)[number];

export interface Results {
  machine: Machine;
  contenders: { name: string; version: string; kind: 'ours' | 'peer' | 'yardstick' }[];
  /** The name of Warren's row that is compared with all others. */
  ours: string;
  /** The name of the newest wireguard-go; null where there is none. */
  reference: string | null;
  leftOut: { name: string; reason: string }[];
  comparison: Comparison | null;
  scale: Scale | null;
  heap: HeapProfile | null;
  relayed: Relayed | null;
  filtered: Filtered | null;
  /** Parts that were measured by a run of their own, when, and on which version of Warren. */
  apart: Partial<Record<Part, { date: string; version: string }>>;
  failures: string[];
  /** Load averages before the measurements. */
  loads: number[];
}

/** One contender's rounds. */
export interface Row {
  name: string;
  kind: 'ours' | 'peer' | 'yardstick';
  rounds: (Sample | null)[];
}

const ORDER = ['ours', 'peer', 'yardstick'];

/** In the order of the page: Warren's, the others, the yardstick. */
export const contendersOf = ({ contenders }: Results) =>
  contenders.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));

/** Those that the comparison measured. */
export function rowsOf(results: Results): Row[] {
  const samples = results.comparison?.samples ?? {};
  return contendersOf(results).flatMap(({ name, kind }) =>
    samples[name] ? [{ name, kind, rounds: samples[name] }] : [],
  );
}

/** The values of one key, null where a round failed. */
export function valuesOf<S extends object>(rounds: readonly (S | null)[], key: keyof S): (number | null)[] {
  return rounds.map((round) => (round === null ? null : (round[key] as number)));
}

export const present = (numbers: readonly (number | null)[]) => numbers.filter((number) => number !== null);

/** An earlier run with those parts that a later one made in their place. */
export function withParts(earlier: Results, later: Results, version: string): Results {
  const result = { ...earlier, apart: { ...earlier.apart } };
  for (const part of PARTS) {
    if (later[part] === null) continue;
    Object.assign(result, { [part]: later[part] });
    result.apart[part] = { date: later.machine.date, version };
  }
  return result;
}
