/** Part four: what a policy's rules cost per packet, and what the coordinator's work for a large network comes to. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { Lab } from '../support/netns.ts';
import type { Child } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Attempts, inTurn } from './attempt.ts';
import { WARM_UP } from './measure.ts';
import { type PolicyCost, policyCost } from './policy.ts';
import { cpuSeconds } from './processes.ts';
import { digits } from './statistics.ts';
import { idleRoundTrip, tcpLoad, udpLoad } from './tunnel.ts';

export const POLICIES = ['no policy', '1,000 rules', '1,000 rules, one source'] as const;
export type PolicyKind = (typeof POLICIES)[number];
const RULES = 1_000;

/** A mesh of two agents, the receiver of which has such rules. */
export interface FilteredSample {
  /** One TCP stream, Gbit/s. */
  tcp: number;
  /** CPU of both agents for that, s/GB; the kernel's filter is in nobody's. */
  cpu: number;
  /** UDP with 64 bytes of payload, as much as the sender can make: what arrived, kpackets/s. */
  udp64: number;
  /** The mean idle round trip, ms. */
  ping: number;
}

export interface Filtered {
  rounds: number;
  /** Seconds of each load. */
  seconds: number;
  pings: number;
  samples: Record<PolicyKind, (FilteredSample | null)[]>;
  /** Of each round, in this process. */
  network: { nodes: number; rules: number };
  costs: Record<'all rules' | 'one rule', PolicyCost[]>;
}

export async function filtered(
  plan: Pick<Filtered, 'rounds' | 'seconds' | 'pings' | 'network'>,
  attempts: Attempts,
): Promise<Filtered> {
  const result: Filtered = {
    ...plan,
    samples: { 'no policy': [], '1,000 rules': [], '1,000 rules, one source': [] },
    costs: { 'all rules': [], 'one rule': [] },
  };
  const { nodes, rules } = plan.network;
  // Until the code is compiled.
  policyCost(Math.ceil(nodes / 10), rules);
  for (let round = 1; round <= plan.rounds; round++) {
    for (const kind of inTurn(POLICIES, round)) {
      const label = `policy ${round}/${plan.rounds}  ${kind}`;
      const sample = await attempts.measure(label, () => measurePolicy(kind, plan));
      result.samples[kind].push(sample);
      if (sample) print(label, { ...sample });
    }
    for (const [kind, count] of [
      ['all rules', rules],
      ['one rule', 1],
    ] as const) {
      const cost = policyCost(nodes, count);
      result.costs[kind].push(cost);
      print(`policy ${round}/${plan.rounds}  ${nodes} nodes, ${kind}`, {
        compile: cost.compile,
        snapshot: cost.snapshotBytes,
      });
    }
  }
  return result;
}

function print(label: string, values: Record<string, number>): void {
  const text = Object.entries(values).map(([key, value]) => `${key} ${digits(value)}`);
  console.log(label.padEnd(44), text.join('  '));
}

/** Of that many rules the last lets the load through. */
export function rulesFor(kind: Exclude<PolicyKind, 'no policy'>, source: string): string {
  const acls = Array.from({ length: RULES - 1 }, (_, i) => ({
    action: 'accept',
    src: [kind === '1,000 rules' ? `100.127.${i >> 8}.${i & 255}` : source],
    dst: [`*:${10_000 + 2 * i}`],
    proto: 'tcp',
  }));
  return JSON.stringify({ acls: [...acls, { action: 'accept', src: [source], dst: ['*:*'] }] });
}

async function measurePolicy(
  kind: PolicyKind,
  { seconds, pings }: Pick<Filtered, 'seconds' | 'pings'>,
): Promise<FilteredSample> {
  await using lab = new Lab();
  const { coordinator, agents } = await meshOnOneSwitch(lab, ['a', 'b']);
  const { a, b } = agents;
  await coordinator.start();
  for (const agent of [a, b]) await agent.join(await coordinator.token());
  await a.knows(1);
  const target = (await b.addresses())[0] as string;
  if (kind !== 'no policy') await setPolicy(kind, lab, coordinator, a, b);
  const server = b.host.spawn('iperf3', ['--server', '--forceflush']);
  await server.waitForOutput(/Server listening/);
  await waitFor('the path to be direct', async () => {
    await a.pings(target, 1);
    return (await a.status()).peers[0]?.path === 'direct';
  });
  const from = { host: a.host, target };
  const daemons = [a, b].map(({ process }) => process as Child);
  await tcpLoad(from, WARM_UP);
  const before = cpuSeconds(daemons);
  const stream = await tcpLoad(from, seconds);
  const cpu = (cpuSeconds(daemons) - before) / stream.gigabytes;
  const { kilopacketsPerSecond } = await udpLoad(from, seconds, 64);
  const ping = await idleRoundTrip(from, pings);
  return { tcp: stream.gigabitsPerSecond, cpu, udp64: kilopacketsPerSecond, ping };
}

async function setPolicy(
  kind: Exclude<PolicyKind, 'no policy'>,
  lab: Lab,
  coordinator: TestCoordinator,
  a: TestAgent,
  b: TestAgent,
): Promise<void> {
  const file = join(lab.directory('policy'), 'policy.json');
  const [source] = await a.addresses();
  writeFileSync(file, rulesFor(kind, source as string));
  await coordinator.verb('policy', 'apply', file);
  await waitFor('the rules to be in force', async () => {
    const { rules } = JSON.parse((await b.run('rules', '--json')).stdout) as { rules: unknown[] | null };
    return rules?.length === RULES;
  });
}
