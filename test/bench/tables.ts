/** The page's tables, in Markdown. */
import { bars } from './bars.ts';
import type { HeapProfile } from './heap/measure.ts';
import { METRICS } from './measure.ts';
import { type Relayed, WAYS, type WaySample } from './relayed.ts';
import { present, type Results, type Row, rowsOf, valuesOf } from './results.ts';
import type { PeersSample, Scale, SizeSample } from './scale.ts';
import { digits, ratios, type Spread, spread } from './statistics.ts';

/** The first `texts` columns are set to the left, the rest, numbers, to the right. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[], texts = 1): string {
  return [heading, heading.map((_, column) => (column < texts ? '---' : '---:')), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

export function cell({ min, median, max }: Spread): string {
  return min === max ? digits(median) : `**${digits(median)}** (${digits(min)}–${digits(max)})`;
}

/** `failed` where no round succeeded. */
export function valueCell(numbers: readonly (number | null)[]): string {
  const values = present(numbers);
  return values.length === 0 ? 'failed' : cell(spread(values));
}

/** Medians with least and most. */
export function valuesTable(rows: readonly Row[]): string {
  return table(
    ['', ...METRICS.map(({ title, unit }) => `${title}, ${unit}`)],
    rows.map(({ name, kind, rounds }) => [
      name,
      ...METRICS.map(({ key }) =>
        // Without a daemon there is nothing to count.
        kind === 'yardstick' && (key === 'cpu' || key === 'rss') ? '–' : valueCell(valuesOf(rounds, key)),
      ),
    ]),
  );
}

/** How many times better one is than each other: above 1 is good for it, in every column. */
export function ratiosTable(ours: Row, others: readonly Row[]): string {
  return table(
    [`${ours.name} against`, ...METRICS.map(({ title }) => title)],
    others.map((other) => [
      other.name,
      ...METRICS.map(({ key, better }) => {
        const [left, right] = [valuesOf(ours.rounds, key), valuesOf(other.rounds, key)];
        const quotients = better === 'more' ? ratios(left, right) : ratios(right, left);
        return quotients.length === 0 ? '–' : cell(spread(quotients));
      }),
    ]),
  );
}

/** The rows for `ratiosTable`: all but the yardstick. */
export function comparedRows(results: Results): { ours: Row; others: Row[] } | null {
  const rows = rowsOf(results);
  const ours = rows.find(({ name }) => name === results.ours);
  if (ours === undefined) return null;
  return { ours, others: rows.filter((row) => row !== ours && row.kind !== 'yardstick') };
}

export function barsTable(results: Results): string {
  return table(
    ['', 'asked', 'against', 'measured', ''],
    bars(results).map(({ title, asked, against, measured, unit, met, aimMet, margin }) => [
      ...[title, asked, against ?? '–', `${cell(measured)} ${unit}`],
      met
        ? `met${aimMet === null ? '' : aimMet ? ', the aim too' : ', the aim not'}`
        : `**missed by ${digits(margin * 100)}%**`,
    ]),
    5,
  );
}

const PEERS_COLUMNS: [keyof PeersSample, string][] = [
  ['idle', 'memory, idle, MB'],
  ['peak', 'memory, peak, MB'],
  ['tcp', 'TCP, 1 stream, Gbit/s'],
  ['cpu', 'CPU, s/GB'],
  ['udp64', 'UDP, 64 bytes, kpackets/s'],
];

const SIZE_COLUMNS: [keyof SizeSample, string][] = [
  ['kilopacketsPerSecond', 'kpackets/s'],
  ['gigabitsPerSecond', 'Gbit/s'],
  ['kilopacketsPerCpuSecond', 'kpackets per CPU second'],
  ['gigabitsPerCpuSecond', 'Gbit per CPU second'],
];

export const peersTable = ({ peers, byPeers }: Scale) => scaleTable('peers', peers, byPeers, PEERS_COLUMNS);
export const sizesTable = ({ sizes, bySize }: Scale) => scaleTable('bytes', sizes, bySize, SIZE_COLUMNS);

function scaleTable<S extends object>(
  what: string,
  steps: readonly number[],
  measured: Record<string, Record<number, (S | null)[]>>,
  columns: readonly [keyof S, string][],
): string {
  return table(
    [what, '', ...columns.map(([, title]) => title)],
    steps.flatMap((step) =>
      Object.entries(measured).map(([name, bySteps]) => [
        ...[step.toLocaleString('en'), name],
        ...columns.map(([key]) => valueCell(valuesOf(bySteps[step]!, key))),
      ]),
    ),
    2,
  );
}

/** Those of a load: a handful of pings is nothing to divide by. */
export const loadedRows = ({ rows }: HeapProfile) => rows.filter(({ packets }) => packets >= 10_000);

export function heapTable(profile: HeapProfile): string {
  const loaded = loadedRows(profile);
  return table(
    [
      'load',
      'workers',
      'this end',
      'packets',
      'bytes allocated',
      'bytes per packet',
      'collections',
      'per million packets',
      'longest pause, ms',
    ],
    profile.rows.map((row) => {
      const { load, workers, end, packets, bytes, collections, longestPause } = row;
      const each = (value: number) => (loaded.includes(row) ? digits(value / packets) : '–');
      return [
        ...[
          load,
          String(workers),
          end,
          packets.toLocaleString('en'),
          bytes.toLocaleString('en'),
          each(bytes),
        ],
        ...[String(collections), each(collections * 1e6), collections === 0 ? '–' : digits(longestPause)],
      ];
    }),
    3,
  );
}

/** The biggest sites of allocation of every row that carried packets. */
export function sitesTable(profile: HeapProfile, sites = 3): string {
  return table(
    ['load', 'workers', 'this end', 'where', 'bytes per packet'],
    loadedRows(profile).flatMap((row) =>
      row.sites
        .slice(0, sites)
        .map(({ place, bytes }) => [
          row.load,
          String(row.workers),
          row.end,
          `\`${place}\``,
          digits(bytes / row.packets),
        ]),
    ),
    4,
  );
}

const RELAYED_COLUMNS: { key: keyof WaySample; title: string; better: 'more' | 'less' }[] = [
  { key: 'tcp', title: 'TCP, 1 stream, Gbit/s', better: 'more' },
  { key: 'udp1300', title: 'UDP, 1300 bytes, kpackets/s', better: 'more' },
  { key: 'ping', title: 'idle round trip, ms', better: 'less' },
  { key: 'cpu', title: 'CPU, s/GB', better: 'less' },
];

/** Both ways, and how many times better the direct one is. */
export function relayedTable({ samples }: Relayed): string {
  const of = (way: (typeof WAYS)[number], key: keyof WaySample) => valuesOf(samples[way], key);
  return table(
    ['', ...RELAYED_COLUMNS.map(({ title }) => title)],
    [
      ...WAYS.map((way) => [way, ...RELAYED_COLUMNS.map(({ key }) => valueCell(of(way, key)))]),
      [
        'direct is better',
        ...RELAYED_COLUMNS.map(({ key, better }) => {
          const [direct, relay] = [of('direct', key), of('relay', key)];
          const quotients = better === 'more' ? ratios(direct, relay) : ratios(relay, direct);
          return quotients.length === 0 ? '–' : `${cell(spread(quotients))} ×`;
        }),
      ],
    ],
  );
}
