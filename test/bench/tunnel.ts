/** A contender's tunnel between two fresh hosts, and the load that iperf3 puts on it. */
import { setTimeout } from 'node:timers/promises';
import { Lab, type TestHost } from '../support/netns.ts';
import type { Child } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Contender, INNER, OUTER } from './contender.ts';

export interface RunningTunnel {
  /** Where load comes from, and goes to. */
  from: LoadEnds;
  /** Where the iperf3 server is. */
  to: TestHost;
  /** One a host, that of `from` first; none for the yardstick. */
  daemons: readonly Child[];
}

/** Makes two hosts, starts the contender, and takes all down again after `use`. Rejects when no ping comes through. */
export async function withTunnel<T>(
  contender: Contender,
  use: (tunnel: RunningTunnel) => Promise<T>,
): Promise<T> {
  await using lab = new Lab();
  const [a, b] = [await lab.host('a'), await lab.host('b')];
  await lab.link(a, [`${OUTER.a}/24`], b, [`${OUTER.b}/24`]);
  const daemons = await contender.start({ lab, a, b });
  const server = b.spawn('iperf3', ['--server', '--forceflush']);
  await server.waitForOutput(/Server listening/);
  const state = await waitFor(`${contender.name} to carry a ping`, async () => {
    const dead = daemons.find((daemon) => !daemon.running);
    return dead ?? ((await a.run('ping', ['-c1', '-W1', INNER.b])).status === 0 && 'up');
  });
  if (state !== 'up') throw new Error(`${state.command} ended with ${state.status}: ${state.output}`);
  return await use({ from: { host: a, target: INNER.b }, to: b, daemons });
}

/** Where load comes from, and the address in the tunnel that it goes to. */
export interface LoadEnds {
  host: TestHost;
  target: string;
}

async function iperf({ host, target }: LoadEnds, seconds: number, args: readonly string[]) {
  const all = ['--client', target, '--json', '--time', String(seconds), ...args];
  const timeout = (seconds + 30) * 1000;
  for (let tries = 1; ; tries++) {
    const { stdout, stderr } = await host.run('iperf3', all, { timeout });
    const report = JSON.parse(stdout || '{}');
    if (!report.error && report.end) return report.end;
    // Where the network is congested the server may still be at the end of the test before.
    if (!/busy/.test(report.error) || tries === 20)
      throw new Error(`iperf3 ${args.join(' ')}: ${report.error ?? stderr}`);
    await setTimeout(250);
  }
}

/** What arrived, of both directions together where there are two. */
export async function tcpLoad(from: LoadEnds, seconds: number, ...args: string[]) {
  const end = await iperf(from, seconds, args);
  const sums: { bits_per_second: number; bytes: number }[] = [end.sum_received];
  if (end.sum_received_bidir_reverse) sums.push(end.sum_received_bidir_reverse);
  return {
    gigabitsPerSecond: sums.reduce((all, sum) => all + sum.bits_per_second, 0) / 1e9,
    gigabytes: sums.reduce((all, sum) => all + sum.bytes, 0) / 1e9,
  };
}

/** As many datagrams as the sender can make, of that many bytes of payload. What arrived. */
export async function udpLoad(from: LoadEnds, seconds: number, payload: number) {
  const { sum } = await iperf(from, seconds, ['--udp', '--bitrate', '0', '--length', String(payload)]);
  const packets: number = sum.packets - sum.lost_packets;
  return { kilopacketsPerSecond: packets / sum.seconds / 1000, packets };
}

/** The mean of that many idle round trips, 2 ms apart, in milliseconds. */
export async function idleRoundTrip({ host, target }: LoadEnds, count: number): Promise<number> {
  const said = await host.runOk('ping', ['-q', '-n', '-i', '0.002', '-c', String(count), target], {
    timeout: 30_000 + count * 10,
  });
  const mean = /= [\d.]+\/([\d.]+)\//.exec(said)?.[1];
  if (mean === undefined) throw new Error(`ping said no mean: ${said}`);
  return Number(mean);
}
