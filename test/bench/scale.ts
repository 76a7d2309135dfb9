/** Part two: how Warren and the newest wireguard-go do with more peers configured, and with packets of any size. */
import { type Attempts, inTurn } from './attempt.ts';
import type { WireGuardContender } from './contenders/wireguard.ts';
import { WARM_UP } from './measure.ts';
import { cpuSeconds, residentMegabytes } from './processes.ts';
import { digits } from './statistics.ts';
import { tcpLoad, udpLoad, withTunnel } from './tunnel.ts';

/** With so many peers configured, one of them active. */
export interface PeersSample {
  /** Resident size of the bigger daemon with the peers configured and nothing carried but a ping, MB. */
  idle: number;
  /** The most it had by the end, MB. */
  peak: number;
  /** One TCP stream, Gbit/s. */
  tcp: number;
  /** CPU of both daemons for that, s/GB. */
  cpu: number;
  /** UDP with 64 bytes of payload, kpackets/s. */
  udp64: number;
}

/** With IP packets of one size in the tunnel. */
export interface SizeSample {
  kilopacketsPerSecond: number;
  gigabitsPerSecond: number;
  /** By the CPU seconds of both daemons. */
  kilopacketsPerCpuSecond: number;
  gigabitsPerCpuSecond: number;
}

export interface Scale {
  rounds: number;
  /** Seconds of each measurement. */
  seconds: number;
  peers: number[];
  /** Bytes of IP packets in the tunnel, headers included. */
  sizes: number[];
  /** By contender, then by number of peers or size, a sample a round. */
  byPeers: Record<string, Record<number, (PeersSample | null)[]>>;
  bySize: Record<string, Record<number, (SizeSample | null)[]>>;
}

/** Of an IPv4 packet without options and its UDP header. */
const HEADERS = 20 + 8;

export async function scale(
  contenders: readonly WireGuardContender[],
  plan: Pick<Scale, 'rounds' | 'seconds' | 'peers' | 'sizes'>,
  attempts: Attempts,
): Promise<Scale> {
  const { rounds, seconds, peers, sizes } = plan;
  const empty = <T>(keys: readonly number[]) =>
    Object.fromEntries(
      contenders.map(({ name }) => [name, Object.fromEntries(keys.map((key) => [key, [] as T[]]))]),
    );
  const result: Scale = { ...plan, byPeers: empty(peers), bySize: empty(sizes) };
  for (let round = 1; round <= rounds; round++) {
    for (const count of peers)
      for (const contender of inTurn(contenders, round)) {
        const label = `scale ${round}/${rounds}  ${contender.name}, ${count} peers`;
        const sample = await attempts.measure(label, () => measurePeers(contender, count, seconds));
        result.byPeers[contender.name]![count]!.push(sample);
        if (sample) console.log(label.padEnd(48), describe(sample));
      }
    for (const contender of inTurn(contenders, round)) {
      const label = `scale ${round}/${rounds}  ${contender.name}, sizes`;
      const samples = await attempts.measure(label, () => measureSizes(contender, sizes, seconds));
      for (const [index, size] of sizes.entries()) {
        result.bySize[contender.name]![size]!.push(samples?.[index] ?? null);
        if (samples) console.log(`${label}: ${size}`.padEnd(48), describe(samples[index]!));
      }
    }
  }
  return result;
}

const describe = (sample: object) =>
  Object.entries(sample)
    .map(([key, value]) => `${key} ${digits(value)}`)
    .join('  ');

function measurePeers(contender: WireGuardContender, peers: number, seconds: number): Promise<PeersSample> {
  return withTunnel(contender.withPeers(peers), async ({ from, daemons }) => {
    const idle = residentMegabytes(daemons, 'VmRSS');
    await tcpLoad(from, WARM_UP);
    const before = cpuSeconds(daemons);
    const stream = await tcpLoad(from, seconds);
    const cpu = (cpuSeconds(daemons) - before) / stream.gigabytes;
    const { kilopacketsPerSecond } = await udpLoad(from, seconds, 64);
    return {
      ...{ idle, peak: residentMegabytes(daemons, 'VmHWM') },
      ...{ tcp: stream.gigabitsPerSecond, cpu, udp64: kilopacketsPerSecond },
    };
  });
}

function measureSizes(
  contender: WireGuardContender,
  sizes: readonly number[],
  seconds: number,
): Promise<SizeSample[]> {
  return withTunnel(contender, async ({ from, daemons }) => {
    const samples: SizeSample[] = [];
    await tcpLoad(from, WARM_UP);
    for (const size of sizes) {
      const before = cpuSeconds(daemons);
      const { kilopacketsPerSecond, packets } = await udpLoad(from, seconds, size - HEADERS);
      const cpu = cpuSeconds(daemons) - before;
      const gigabits = (size * 8) / 1e9;
      samples.push({
        kilopacketsPerSecond,
        gigabitsPerSecond: kilopacketsPerSecond * 1000 * gigabits,
        kilopacketsPerCpuSecond: packets / 1000 / cpu,
        gigabitsPerCpuSecond: (packets * gigabits) / cpu,
      });
    }
    return samples;
  });
}
