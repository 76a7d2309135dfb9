/** What this project asks of itself, and how a run stands to it. */
import { type Metric, metric, type Sample } from './measure.ts';
import { present, type Results, type Row, rowsOf, valuesOf } from './results.ts';
import { ratios, type Spread, spread } from './statistics.ts';

interface Requirement {
  key: keyof Sample;
  /** Against the newest wireguard-go, or against whoever is the best of all peers in the run. */
  against: 'reference' | 'best peer';
  /** What Warren's value divided by the other's must reach, or stay below where less is better. */
  limit: number;
  aim?: number;
}

const REQUIREMENTS: readonly Requirement[] = [
  { key: 'tcp1', against: 'reference', limit: 1.1, aim: 1.5 },
  { key: 'tcp4', against: 'reference', limit: 1.2 },
  { key: 'bidirectional', against: 'reference', limit: 1.2 },
  { key: 'udp64', against: 'best peer', limit: 1.5 },
  { key: 'udp1300', against: 'best peer', limit: 1.5 },
  { key: 'ping', against: 'best peer', limit: 1 },
  { key: 'cpu', against: 'reference', limit: 0.9, aim: 0.7 },
];

/** Megabytes resident at most: with full load, and with 1,000 peers as well. */
const MEMORY_LIMIT = 100;
const MEMORY_LIMIT_PEERS = 130;
const MANY_PEERS = 1000;

export interface Bar {
  title: string;
  asked: string;
  /** Whom the value is compared with; null for an absolute one. */
  against: string | null;
  measured: Spread;
  unit: string;
  met: boolean;
  aimMet: boolean | null;
  /** The distance from the limit, as a part of it. */
  margin: number;
}

/** Those of the bars for which the run has figures. */
export function bars(results: Results): Bar[] {
  return [...comparedBars(results), ...memoryBars(results)];
}

function comparedBars(results: Results): Bar[] {
  const rows = rowsOf(results);
  const ours = rows.find(({ name }) => name === results.ours);
  if (ours === undefined) return [];
  return REQUIREMENTS.flatMap(({ key, against, limit, aim }) => {
    const one = metric(key);
    const other =
      against === 'reference' ? rows.find(({ name }) => name === results.reference) : bestPeer(rows, one);
    const quotients = other ? ratios(valuesOf(ours.rounds, key), valuesOf(other.rounds, key)) : [];
    if (other === undefined || quotients.length === 0) return [];
    const whom = against === 'reference' ? 'the newest wireguard-go' : 'the best peer';
    const word = one.better === 'more' ? 'at least' : 'at most';
    const asked = limit === 1 ? `as good as ${whom}` : `${word} ${limit} times ${whom}`;
    return [
      bar(
        { title: one.title, asked: aim ? `${asked}, aim ${aim}` : asked, against: other.name, unit: '×' },
        spread(quotients),
        { limit, aim, better: one.better },
      ),
    ];
  });
}

function memoryBars(results: Results): Bar[] {
  const loaded = present(valuesOf(results.comparison?.samples[results.ours] ?? [], 'rss'));
  const many = present(valuesOf(results.scale?.byPeers[results.ours]?.[MANY_PEERS] ?? [], 'peak'));
  return [
    { title: 'memory with full load', limit: MEMORY_LIMIT, values: loaded },
    {
      title: `memory with ${MANY_PEERS.toLocaleString('en')} peers`,
      limit: MEMORY_LIMIT_PEERS,
      values: many,
    },
  ].flatMap(({ title, limit, values }) =>
    values.length === 0
      ? []
      : [
          bar({ title, asked: `at most ${limit} MB`, against: null, unit: 'MB' }, spread(values), {
            limit,
            aim: undefined,
            better: 'less',
          }),
        ],
  );
}

/** By the median. */
export function bestPeer(rows: readonly Row[], { key, better }: Metric): Row | undefined {
  const median = (row: Row) => spread(present(valuesOf(row.rounds, key))).median;
  return rows
    .filter(({ kind, rounds }) => kind === 'peer' && rounds.some((round) => round !== null))
    .sort((a, b) => (better === 'more' ? median(b) - median(a) : median(a) - median(b)))[0];
}

function bar(
  about: Pick<Bar, 'title' | 'asked' | 'against' | 'unit'>,
  measured: Spread,
  { limit, aim, better }: { limit: number; aim: number | undefined; better: Metric['better'] },
): Bar {
  const reaches = (value: number) =>
    better === 'more' ? measured.median >= value : measured.median <= value;
  return {
    ...about,
    measured,
    met: reaches(limit),
    aimMet: aim === undefined ? null : reaches(aim),
    margin: Math.abs(measured.median / limit - 1),
  };
}
