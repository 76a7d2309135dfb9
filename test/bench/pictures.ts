/** The page's pictures. */
import { type BarPanel, drawBarChart } from './bar-chart.ts';
import { drawLineChart, type LinePanel } from './line-chart.ts';
import { METRICS } from './measure.ts';
import { present, type Results, rowsOf, valuesOf } from './results.ts';
import type { PeersSample, Scale, SizeSample } from './scale.ts';
import { type Spread, spread } from './statistics.ts';

/** The comparison as bars, without the yardstick, beside which nothing else could be seen. */
export function comparisonPicture(results: Results): string {
  const rows = rowsOf(results).filter(({ kind }) => kind !== 'yardstick');
  const panels = METRICS.map(({ key, title, unit, better }): BarPanel => {
    // A slow contender's seconds would be as long as the others' are short: shown is what a second brings.
    const turned = key === 'cpu';
    return {
      title: turned ? 'throughput per CPU second, TCP, 1 stream' : title,
      note: turned
        ? 'Gbit, by the CPU of both daemons together, more is better'
        : `${unit}, ${better} is better`,
      bars: rows.flatMap(({ name, kind, rounds }) => {
        const values = present(valuesOf(rounds, key)).map((value) => (turned ? 8 / value : value));
        return values.length === 0 ? [] : [{ name, ours: kind === 'ours', spread: spread(values) }];
      }),
    };
  });
  return drawBarChart(panels, 'Bar charts of the medians in the table of benchmark.md');
}

/** Part two as lines. */
export function scalePicture({ peers, sizes, byPeers, bySize }: Scale, ours: string): string {
  const byPeersOf = (title: string, note: string, value: (sample: PeersSample) => number) =>
    linePanel({ title, note, axis: 'peers', steps: peers }, byPeers, ours, value);
  const bySizeOf = (title: string, note: string, value: (sample: SizeSample) => number) =>
    linePanel({ title, note, axis: 'bytes', steps: sizes }, bySize, ours, value);
  return drawLineChart(
    [
      byPeersOf('TCP, 1 stream', 'Gbit/s, more is better', ({ tcp }) => tcp),
      byPeersOf('UDP, 64 bytes', 'kpackets/s, more is better', ({ udp64 }) => udp64),
      byPeersOf('throughput per CPU second, TCP', 'Gbit, more is better', ({ cpu }) => 8 / cpu),
      byPeersOf('peak memory of a daemon', 'MB, less is better', ({ peak }) => peak),
      bySizeOf('packets of one size', 'kpackets/s, more is better', (sample) => sample.kilopacketsPerSecond),
      bySizeOf('the same as throughput', 'Gbit/s, more is better', (sample) => sample.gigabitsPerSecond),
      bySizeOf(
        'packets per CPU second',
        'kpackets, more is better',
        (sample) => sample.kilopacketsPerCpuSecond,
      ),
      bySizeOf('throughput per CPU second', 'Gbit, more is better', (sample) => sample.gigabitsPerCpuSecond),
    ],
    'Line charts of the medians in the tables of benchmark.md, by number of peers and by size of packets',
  );
}

function linePanel<S>(
  about: { title: string; note: string; axis: string; steps: number[] },
  measured: Record<string, Record<number, (S | null)[]>>,
  ours: string,
  value: (sample: S) => number,
): LinePanel {
  return {
    ...about,
    steps: about.steps.map((step) => step.toLocaleString('en')),
    lines: Object.entries(measured).map(([name, bySteps]) => ({
      name,
      ours: name === ours,
      points: about.steps.map((step): Spread | null => {
        const values = bySteps[step]!.filter((sample) => sample !== null).map(value);
        return values.length === 0 ? null : spread(values);
      }),
    })),
  };
}
