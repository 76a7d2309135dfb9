/**
 * Two agents behind any two NATs, with the coordinator (relay and STUN included) on the Internet between them:
 *
 *     a ── NAT ──┐                            ┌── NAT ── b
 *     192.168.1.2│ 203.0.113.6   203.0.113.10 │192.168.2.2
 *                └────────── core ────────────┘
 *                             │ 203.0.113.2 coordinator
 *
 * Each topology tells how long it took to the first answered ping and to a direct path.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestAgent, TestCoordinator } from '../support/mesh.ts';
import { Internet, type NatLabKind } from '../support/nat.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

type Place = NatLabKind | 'public';

interface Pair {
  a: TestAgent;
  b: TestAgent;
  coordinator: TestCoordinator;
}

async function place(internet: Internet, label: string, kind: Place): Promise<TestHost> {
  if (kind === 'public') return internet.host(label, 4);
  const nat = await internet.nat(`${label}-nat`, { kind, ipv4Only: true });
  return nat.host(label);
}

async function joined(lab: Lab, hosts: Record<'a' | 'b', TestHost>, internet: Internet): Promise<Pair> {
  const host = await internet.host('coord', 4);
  const coordinator = new TestCoordinator(host, lab.directory('coordinator'));
  await coordinator.start();
  const agent = (label: 'a' | 'b') => new TestAgent(hosts[label], label, join(lab.directory(label), 'state'));
  const [a, b] = [agent('a'), agent('b')];
  for (const each of [a, b])
    await each.join(await coordinator.token(), '--log-level', 'debug', '--listen-port', '51820');
  for (const each of [a, b]) await each.knows(1);
  return { a, b, coordinator };
}

const pathOf = async (agent: TestAgent) => (await agent.status()).peers[0]?.path;

describeNeeds(['root', 'tun', 'nft'], 'reaching each other', () => {
  describe.each<[Place, Place, 'direct' | 'relay']>([
    ['public', 'port-restricted-cone', 'direct'],
    ['full-cone', 'port-restricted-cone', 'direct'],
    ['port-restricted-cone', 'port-restricted-cone', 'direct'],
    ['port-restricted-cone', 'symmetric', 'direct'],
    ['symmetric', 'symmetric', 'relay'],
  ])('%s and %s', (kindA, kindB, expected) => {
    it(`first by relay, then ${expected}`, async () => {
      await using lab = new Lab();
      const internet = await Internet.open(lab);
      const hosts = { a: await place(internet, 'a', kindA), b: await place(internet, 'b', kindB) };
      const { a, b } = await joined(lab, hosts, internet);
      const [address] = (await b.addresses()) as [string];
      const begin = performance.now();
      expect(await a.pings(address, 5)).toBe(true);
      const answered = performance.now() - begin;
      const steady = a.host.spawn('ping', ['-n', '-i', '0.2', address]);
      await waitFor(`a ${expected} path`, async () => (await pathOf(a)) === expected, { timeout: 30_000 });
      const reached = performance.now() - begin;
      console.log(
        `${kindA} and ${kindB}: first ping ${answered.toFixed(0)} ms, ${expected} ${reached.toFixed(0)} ms`,
      );
      await steady.end('SIGINT');
      expect(await b.pings((await a.addresses())[0] as string)).toBe(true);
    });
  });
});
