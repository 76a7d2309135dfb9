/** The metrics of the comparison, and one measurement of one contender. */
import type { Contender } from './contender.ts';
import { cpuSeconds, residentMegabytes } from './processes.ts';
import { idleRoundTrip, tcpLoad, udpLoad, withTunnel } from './tunnel.ts';

export interface Durations {
  /** Seconds of each TCP measurement. */
  tcp: number;
  /** Seconds of each UDP measurement. */
  udp: number;
  /** Pings of the idle round trip. */
  pings: number;
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

export interface Metric {
  key: keyof Sample;
  title: string;
  unit: string;
  /** Which way is good. */
  better: 'more' | 'less';
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

export const metric = (key: keyof Sample) => METRICS.find((one) => one.key === key) as Metric;

/** Seconds of load before the first measurement: programs settle, caches fill, code is optimized. */
export const WARM_UP = 1;

/** All metrics of the contender. Rejects when its tunnel does not come up or a measurement fails. */
export function measure(contender: Contender, durations: Durations): Promise<Sample> {
  return withTunnel(contender, async ({ from, daemons }) => {
    await tcpLoad(from, WARM_UP);
    const before = cpuSeconds(daemons);
    const single = await tcpLoad(from, durations.tcp);
    const cpu = (cpuSeconds(daemons) - before) / single.gigabytes;
    const four = await tcpLoad(from, durations.tcp, '--parallel', '4');
    const both = await tcpLoad(from, durations.tcp, '--bidir');
    const udp1300 = await udpLoad(from, durations.udp, 1300);
    const udp64 = await udpLoad(from, durations.udp, 64);
    const ping = await idleRoundTrip(from, durations.pings);
    return {
      tcp1: single.gigabitsPerSecond,
      tcp4: four.gigabitsPerSecond,
      bidirectional: both.gigabitsPerSecond,
      udp64: udp64.kilopacketsPerSecond,
      udp1300: udp1300.kilopacketsPerSecond,
      ...{ ping, cpu, rss: residentMegabytes(daemons, 'VmHWM') },
    };
  });
}
