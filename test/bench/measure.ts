/** One measurement of one contender: a fresh pair of hosts, every metric, everything taken down again. */
import { readFileSync } from 'node:fs';
import { Lab, type TestHost } from '../support/netns.ts';
import type { Child } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Contender, INNER, OUTER } from './contender.ts';

export interface Durations {
  /** Seconds of each TCP measurement. */
  tcp: number;
  /** Seconds of each UDP measurement. */
  udp: number;
  /** Pings of the idle round trip. */
  pings: number;
}

export interface Metric {
  key: keyof Sample;
  title: string;
  unit: string;
  /** Which way is good. */
  better: 'more' | 'less';
}

export interface Sample {
  tcp1: number;
  tcp4: number;
  bidirectional: number;
  udp64: number;
  udp1300: number;
  ping: number;
  cpu: number;
  rss: number;
}

export const METRICS: readonly Metric[] = [
  { key: 'tcp1', title: 'TCP, 1 stream', unit: 'Gbit/s', better: 'more' },
  { key: 'tcp4', title: 'TCP, 4 streams', unit: 'Gbit/s', better: 'more' },
  { key: 'bidirectional', title: 'TCP, both ways at once', unit: 'Gbit/s', better: 'more' },
  { key: 'udp64', title: 'UDP, 64 bytes', unit: 'kpackets/s', better: 'more' },
  { key: 'udp1300', title: 'UDP, 1300 bytes', unit: 'kpackets/s', better: 'more' },
  { key: 'ping', title: 'idle round trip', unit: 'ms', better: 'less' },
  { key: 'cpu', title: 'CPU of both daemons', unit: 's/GB', better: 'less' },
  { key: 'rss', title: 'peak memory of a daemon', unit: 'MB', better: 'less' },
];

/** Clock ticks a second of /proc/PID/stat: USER_HZ, 100 on every Linux architecture that Node.js runs on. */
const USER_HZ = 100;

/** CPU seconds, user and system, that the processes have used in all their threads. */
function cpuSeconds(children: readonly Child[]): number {
  let ticks = 0;
  for (const { pid } of children) {
    // The name in parentheses may hold spaces; utime and stime are fields 14 and 15, the 12th and 13th after it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / USER_HZ;
}

function peakMegabytes(children: readonly Child[]): number {
  const peaks = children.map(({ pid }) =>
    Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
  );
  return Math.max(0, ...peaks) / 1024;
}

async function iperf(host: TestHost, seconds: number, ...args: string[]) {
  const { stdout, stderr } = await host.run(
    'iperf3',
    ['--client', INNER.b, '--json', '--time', String(seconds), ...args],
    { timeout: (seconds + 30) * 1000 },
  );
  const report = JSON.parse(stdout || '{}');
  if (report.error || !report.end) throw new Error(`iperf3 ${args.join(' ')}: ${report.error ?? stderr}`);
  return report.end;
}

const gigabits = (sum: { bits_per_second: number }) => sum.bits_per_second / 1e9;

/** Thousands of packets a second that arrived. */
async function udpRate(host: TestHost, seconds: number, bytes: number): Promise<number> {
  const { sum } = await iperf(host, seconds, '--udp', '--bitrate', '0', '--length', String(bytes));
  return (sum.packets - sum.lost_packets) / sum.seconds / 1000;
}

/** All metrics of the contender. Rejects when its tunnel does not come up or a measurement fails. */
export async function measure(contender: Contender, durations: Durations): Promise<Sample> {
  await using lab = new Lab();
  const [a, b] = [await lab.host('a'), await lab.host('b')];
  await lab.link(a, [`${OUTER.a}/24`], b, [`${OUTER.b}/24`]);
  const daemons = await contender.start({ lab, a, b });
  const server = b.spawn('iperf3', ['--server', '--forceflush']);
  await server.waitForOutput(/Server listening/);
  await waitFor(`${contender.name} to carry a ping`, async () => {
    const dead = daemons.find((daemon) => !daemon.running);
    if (dead) throw new Error(`${dead.command} ended with ${dead.status}: ${dead.output}`);
    return (await a.run('ping', ['-c1', '-W1', INNER.b])).status === 0;
  });

  const before = cpuSeconds(daemons);
  const single = await iperf(a, durations.tcp);
  const cpu = (cpuSeconds(daemons) - before) / (single.sum_received.bytes / 1e9);
  const four = await iperf(a, durations.tcp, '--parallel', '4');
  const both = await iperf(a, durations.tcp, '--bidir');
  const udp1300 = await udpRate(a, durations.udp, 1300);
  const udp64 = await udpRate(a, durations.udp, 64);
  const pings = ['-q', '-n', '-i', '0.002', '-c', String(durations.pings), INNER.b];
  const ping = Number(/= [\d.]+\/([\d.]+)\//.exec(await a.runOk('ping', pings))?.[1]);
  return {
    tcp1: gigabits(single.sum_received),
    tcp4: gigabits(four.sum_received),
    bidirectional: gigabits(both.sum_received) + gigabits(both.sum_received_bidir_reverse),
    ...{ udp64, udp1300, ping, cpu, rss: peakMegabytes(daemons) },
  };
}
