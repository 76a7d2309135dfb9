/** Part three: what a relay costs, against the direct path between the same agents. */
import { meshOnOneSwitch } from '../support/mesh.ts';
import { Lab } from '../support/netns.ts';
import type { Child } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Attempts, inTurn } from './attempt.ts';
import { WARM_UP } from './measure.ts';
import { cpuSeconds } from './processes.ts';
import { digits } from './statistics.ts';
import { idleRoundTrip, tcpLoad, udpLoad } from './tunnel.ts';

export const WAYS = ['direct', 'relay'] as const;
export type Way = (typeof WAYS)[number];

/** A mesh of two agents whose packets go that way. */
export interface WaySample {
  /** One TCP stream, Gbit/s. */
  tcp: number;
  /** CPU of both agents and the coordinator, which is the relay, for that, s/GB. */
  cpu: number;
  /** UDP with 1300 bytes of payload, as much as the sender can make: what arrived, kpackets/s. */
  udp1300: number;
  /** The mean idle round trip, ms. */
  ping: number;
}

export interface Relayed {
  rounds: number;
  /** Seconds of each load. */
  seconds: number;
  pings: number;
  samples: Record<Way, (WaySample | null)[]>;
}

export async function relayed(
  plan: Pick<Relayed, 'rounds' | 'seconds' | 'pings'>,
  attempts: Attempts,
): Promise<Relayed> {
  const result: Relayed = { ...plan, samples: { direct: [], relay: [] } };
  for (let round = 1; round <= plan.rounds; round++)
    for (const way of inTurn(WAYS, round)) {
      const label = `relay ${round}/${plan.rounds}  ${way}`;
      const sample = await attempts.measure(label, () => measureWay(way, plan));
      result.samples[way].push(sample);
      if (sample)
        console.log(
          label.padEnd(38),
          Object.entries(sample)
            .map(([key, value]) => `${key} ${digits(value)}`)
            .join('  '),
        );
    }
  return result;
}

async function measureWay(
  way: Way,
  { seconds, pings }: Pick<Relayed, 'seconds' | 'pings'>,
): Promise<WaySample> {
  await using lab = new Lab();
  const { coordinator, agents } = await meshOnOneSwitch(lab, ['a', 'b']);
  const { a, b } = agents;
  // Where the underlay carries no UDP the relay is all there is.
  const rules =
    'table inet blocked { chain output { type filter hook output priority 0; oifname eth0 meta l4proto udp drop; }; }';
  if (way === 'relay') for (const { host } of [a, b]) await host.runOk('nft', [rules]);
  await coordinator.start();
  for (const agent of [a, b]) await agent.join(await coordinator.token());
  await a.knows(1);
  const target = (await b.addresses())[0] as string;
  const server = b.host.spawn('iperf3', ['--server', '--forceflush']);
  await server.waitForOutput(/Server listening/);
  const isThatWay = async () => (await a.status()).peers[0]?.path === way;
  await waitFor(`the path to be ${way}`, async () => {
    await a.pings(target, 1);
    return isThatWay();
  });
  const from = { host: a.host, target };
  const daemons = [a, b, coordinator].map(({ process }) => process as Child);
  await tcpLoad(from, WARM_UP);
  const before = cpuSeconds(daemons);
  const stream = await tcpLoad(from, seconds);
  const cpu = (cpuSeconds(daemons) - before) / stream.gigabytes;
  const { kilopacketsPerSecond } = await udpLoad(from, seconds, 1300);
  const ping = await idleRoundTrip(from, pings);
  if (!(await isThatWay())) throw new Error(`the packets did not all go ${way}`);
  return { tcp: stream.gigabitsPerSecond, cpu, udp1300: kilopacketsPerSecond, ping };
}
