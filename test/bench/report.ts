/** docs/benchmark.md and the picture beside it. */
import { cpus, totalmem } from 'node:os';
import { drawChart } from './chart.ts';
import { type Durations, METRICS, type Metric, type Sample } from './measure.ts';
import { digits, ratios, type Spread, spread } from './statistics.ts';

/** One contender's rounds; null where it failed. */
export interface Result {
  name: string;
  version: string;
  ours: boolean;
  /** The yardstick: shown, but no ratio is made of it, and the chart leaves it out. */
  yardstick: boolean;
  rounds: (Sample | null)[];
}

const values = (result: Result, metric: Metric) => result.rounds.map((round) => round?.[metric.key] ?? null);
const present = (numbers: readonly (number | null)[]) => numbers.filter((number) => number !== null);

function cell({ min, median, max }: Spread): string {
  return min === max ? digits(median) : `**${digits(median)}** (${digits(min)}–${digits(max)})`;
}

function table(heading: string[], rows: string[][]): string {
  return [heading, heading.map((_, column) => (column === 0 ? '---' : '---:')), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

/** Medians with least and most. */
export function valuesTable(results: readonly Result[]): string {
  return table(
    ['', ...METRICS.map(({ title, unit }) => `${title}, ${unit}`)],
    results.map((result) => [
      result.name,
      ...METRICS.map((metric) => {
        const numbers = present(values(result, metric));
        if (numbers.length === 0) return 'failed';
        // Without a daemon there is nothing to count.
        return result.yardstick && (metric.key === 'cpu' || metric.key === 'rss')
          ? '–'
          : cell(spread(numbers));
      }),
    ]),
  );
}

/** How many times better the first contender is than each other: above 1 is good for it, in every column. */
export function ratiosTable(ours: Result, others: readonly Result[]): string {
  return table(
    [`${ours.name} against`, ...METRICS.map(({ title }) => title)],
    others.map((other) => [
      other.name,
      ...METRICS.map((metric) => {
        const [left, right] = [values(ours, metric), values(other, metric)];
        const quotients = metric.better === 'more' ? ratios(left, right) : ratios(right, left);
        return quotients.length === 0 ? '–' : cell(spread(quotients));
      }),
    ]),
  );
}

export function benchmarkPage(
  results: readonly Result[],
  run: {
    date: string;
    kernel: string;
    system: string;
    rounds: number;
    durations: Durations;
    loads: readonly number[];
  },
): string {
  const ours = results.find((result) => result.ours)!;
  const others = results.filter((result) => result !== ours && !result.yardstick);
  const processor = cpus();
  const load = spread(run.loads);
  return `# Benchmark

Made by \`npm run bench\` on ${run.date}; every run writes this page and its picture anew.

![The medians as bars](benchmark.svg)

Two hosts, network namespaces of one machine on one cable (veth), and a tunnel between them with an MTU of 1420. Both
daemons, both test programs and the kernel share the machine's processors, so the figures say how VPNs compare and not
how fast one is on hardware of its own. Bold is the median of ${run.rounds} rounds, in parentheses the least and the most.

${valuesTable(results)}

## As ratios

Each round measures every contender once, one after the other, and the ratios are made within a round: that takes out what
else the machine was doing. Above 1, ${ours.name} is the better one, in every column (where less is better, the ratio is turned round).

${ratiosTable(ours, others)}

## How

- TCP: \`iperf3\`, ${run.durations.tcp} s each: one stream, four streams, and one in each direction at once (the sum of both). What arrived counts.
- UDP: \`iperf3 --udp --bitrate 0\`, ${run.durations.udp} s each, payloads of 64 and 1300 bytes; packets that arrived, each second.
- Idle round trip: the mean of ${run.durations.pings} pings, 2 ms apart.
- CPU: user and system seconds of both daemons together during the one TCP stream, by gigabyte that arrived.
- Memory: the highest resident size that a daemon reached by the end.
- For every measurement hosts, keys and daemons are made anew. Warren runs as \`bin/agent tunnel\` and is configured by
  \`wg\` and \`ip\` exactly as wireguard-go is. openvpn runs in user space with ChaCha20-Poly1305, nebula with its defaults.

| | version |
| --- | --- |
${results.map(({ name, version }) => `| ${name} | ${version} |`).join('\n')}

The machine: ${processor.length} × ${processor[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, ${run.system}, Linux ${run.kernel};
the load average of the last minute was ${digits(load.min)} to ${digits(load.max)} before the measurements, ${digits(load.median)} in the median. The
measurements alone make it about as high as there are processors; much more means that other work disturbed them.
`;
}

export function benchmarkChart(results: readonly Result[]): string {
  const shown = results.filter((result) => !result.yardstick);
  const panels = METRICS.filter(({ key }) =>
    ['tcp1', 'tcp4', 'bidirectional', 'udp64', 'udp1300', 'ping', 'cpu'].includes(key),
  ).map((metric) => ({
    title: metric.title,
    note: `${metric.unit}, ${metric.better} is better`,
    bars: shown.flatMap((result) => {
      const numbers = present(values(result, metric));
      return numbers.length === 0 ? [] : [{ name: result.name, ours: result.ours, spread: spread(numbers) }];
    }),
  }));
  return drawChart(panels, 'Bar chart of the medians in the table of benchmark.md');
}
