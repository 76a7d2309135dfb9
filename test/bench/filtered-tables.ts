/** The page's tables of what a policy costs. */
import { type Filtered, type FilteredSample, POLICIES, type PolicyKind } from './filtered.ts';
import type { PolicyCost } from './policy.ts';
import { valuesOf } from './results.ts';
import { ratios, spread } from './statistics.ts';
import { cell, table, valueCell } from './tables.ts';

const FILTERED_COLUMNS: { key: keyof FilteredSample; title: string; better: 'more' | 'less' }[] = [
  { key: 'tcp', title: 'TCP, 1 stream, Gbit/s', better: 'more' },
  { key: 'cpu', title: 'CPU, s/GB', better: 'less' },
  { key: 'udp64', title: 'UDP, 64 bytes, kpackets/s', better: 'more' },
  { key: 'ping', title: 'idle round trip, ms', better: 'less' },
];

/** What was measured with each policy, and how each stands to none. */
export function filteredTable({ samples }: Filtered): string {
  const of = (kind: PolicyKind, key: keyof FilteredSample) => valuesOf(samples[kind], key);
  return table(
    ['', ...FILTERED_COLUMNS.map(({ title }) => title)],
    POLICIES.flatMap((kind) => [
      [kind, ...FILTERED_COLUMNS.map(({ key }) => valueCell(of(kind, key)))],
      ...(kind === 'no policy'
        ? []
        : [
            [
              `${kind}: of none`,
              ...FILTERED_COLUMNS.map(({ key, better }) => {
                const [these, none] = [of(kind, key), of('no policy', key)];
                const quotients = better === 'more' ? ratios(these, none) : ratios(none, these);
                return quotients.length === 0 ? '–' : `${cell(spread(quotients))} ×`;
              }),
            ],
          ]),
    ]),
  );
}

export function policyCostTable({ costs, network: { nodes, rules } }: Filtered): string {
  const row = (title: string, each: readonly PolicyCost[]) => {
    const numbers = (key: keyof PolicyCost) => cell(spread(each.map((cost) => cost[key])));
    return [
      title,
      numbers('compile'),
      numbers('peers'),
      ...(['snapshotBytes', 'largestSnapshotBytes', 'filterBytes'] as const).map((key) =>
        cell(spread(each.map((cost) => cost[key] / 1024))),
      ),
    ];
  };
  return table(
    [
      `${nodes.toLocaleString('en')} nodes`,
      'parse and compile, ms',
      'peers of a node',
      'its map, KiB',
      'the largest, KiB',
      'of it the filter, KiB',
    ],
    [row(`${rules} rules`, costs['all rules']), row('1 rule', costs['one rule'])],
  );
}
