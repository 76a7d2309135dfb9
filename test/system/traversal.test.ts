/**
 * Two agents behind any two NATs, with the coordinator (relay and STUN included) on the Internet between them:
 *
 *     a ── NAT ──┐                            ┌── NAT ── b
 *     192.168.1.2│ 203.0.113.6   203.0.113.10 │192.168.2.2
 *                └────────── core ────────────┘
 *                             │ 203.0.113.2 coordinator
 *
 * Each topology tells how long it took to the first answered ping and to a direct path. They mostly wait, and so go side by side.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestAgent, TestCoordinator } from '../support/mesh.ts';
import { Internet, type NatLabKind } from '../support/nat.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { transferThrough } from '../support/transfer.ts';
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

async function joined(
  lab: Lab,
  hosts: Record<'a' | 'b', TestHost>,
  internet: Internet,
  family: 'both' | 4 = 4,
  ports = { a: '51820', b: '51820' },
): Promise<Pair> {
  const host = await internet.host('coord', family);
  const flags = family === 'both' ? ['--listen', '[::]:8443'] : [];
  const coordinator = new TestCoordinator(host, lab.directory('coordinator'), flags);
  await coordinator.start();
  const agent = (label: 'a' | 'b') => new TestAgent(hosts[label], label, join(lab.directory(label), 'state'));
  const [a, b] = [agent('a'), agent('b')];
  await Promise.all(
    [a, b].map(async (each) => {
      const port = ports[each.name as 'a' | 'b'];
      await each.join(await coordinator.token(), '--log-level', 'debug', '--listen-port', port);
      await each.knows(1);
    }),
  );
  return { a, b, coordinator };
}

/** Pings until the path is as expected; says how long the first answer and that took. */
async function expectPath(name: string, { a, b }: Pair, expected: 'direct' | 'relay'): Promise<void> {
  const [address] = (await b.addresses()) as [string];
  const begin = performance.now();
  expect(await a.pings(address)).toBe(true);
  const answered = performance.now() - begin;
  const steady = a.host.spawn('ping', ['-n', '-i', '0.2', address]);
  await waitFor(`a ${expected} path`, async () => (await pathOf(a)) === expected);
  const reached = performance.now() - begin;
  console.log(`${name}: first ping ${answered.toFixed(0)} ms, ${expected} ${reached.toFixed(0)} ms`);
  if (expected === 'relay') {
    // Long enough for every round of a discovery: nothing was found.
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect(await pathOf(a)).toBe('relay');
  }
  await steady.end('SIGINT');
  expect(await b.pings((await a.addresses())[0] as string)).toBe(true);
}

const pathOf = async (agent: TestAgent) => (await agent.status()).peers[0]?.path;

describeNeeds(['root', 'tun', 'nft', 'iperf3'], 'reaching each other', () => {
  describe.concurrent.each<[Place, Place, 'direct' | 'relay']>([
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
      await expectPath(`${kindA} and ${kindB}`, await joined(lab, hosts, internet), expected);
    });
  });

  it.concurrent('both behind one NAT: directly, by the site', async () => {
    await using lab = new Lab();
    const internet = await Internet.open(lab);
    const nat = await internet.nat('home', { kind: 'port-restricted-cone', ipv4Only: true });
    const pair = await joined(lab, { a: await nat.host('a'), b: await nat.host('b') }, internet);
    await expectPath('one NAT', pair, 'direct');
    const [peer] = (await pair.a.status()).peers;
    expect(peer?.endpoint).toMatch(/^192\.168\.1\./);
  });

  describe('both behind one NAT, in networks of their own', () => {
    it.concurrent.each([
      ['which its router joins', 'direct, by the site', '192.168.101.2:51821', {}],
      ['which it keeps apart', 'by relay', null, { isolates: true }],
      [
        'which it keeps apart, but it hairpins',
        'direct, by its outer address',
        '203.0.113.6:51821',
        { isolates: true, hairpin: true },
      ],
    ])('%s: %s', async (name, _path, endpoint, options) => {
      await using lab = new Lab();
      const internet = await Internet.open(lab);
      const nat = await internet.nat('home', { kind: 'port-restricted-cone', ipv4Only: true, ...options });
      const hosts = { a: await nat.host('a'), b: await nat.hostApart('b') };
      // The rules of the lab's hairpin need ports that stay what they are, and so are not the same.
      const pair = await joined(lab, hosts, internet, 4, { a: '51820', b: '51821' });
      await expectPath(`one NAT, two networks ${name}`, pair, endpoint === null ? 'relay' : 'direct');
      expect((await pair.a.status()).peers[0]?.endpoint).toBe(endpoint);
    });
  });

  it.concurrent('two NATs in a row on one side: directly', async () => {
    await using lab = new Lab();
    const internet = await Internet.open(lab);
    const outer = await internet.nat('isp', { kind: 'port-restricted-cone', ipv4Only: true });
    const inner = await internet.nat('home', { kind: 'port-restricted-cone', ipv4Only: true, behind: outer });
    const hosts = { a: await inner.host('a'), b: await place(internet, 'b', 'port-restricted-cone') };
    await expectPath('two NATs in a row', await joined(lab, hosts, internet), 'direct');
  });

  it.concurrent('UDP blocked entirely: by relay, over the one TCP port', async () => {
    await using lab = new Lab();
    const internet = await Internet.open(lab);
    const nat = await internet.nat('office', { kind: 'port-restricted-cone', ipv4Only: true });
    await nat.blockUdp();
    const hosts = { a: await nat.host('a'), b: await place(internet, 'b', 'public') };
    await expectPath('UDP blocked', await joined(lab, hosts, internet), 'relay');
  });

  it.concurrent('one has IPv4 only, the other IPv6 only: by relay', async () => {
    await using lab = new Lab();
    const internet = await Internet.open(lab);
    const hosts = { a: await internet.host('a', 4), b: await internet.host('b', 6) };
    await expectPath('IPv4 only and IPv6 only', await joined(lab, hosts, internet, 'both'), 'relay');
  });

  describe('a transfer goes on', () => {
    async function conePair(lab: Lab) {
      const internet = await Internet.open(lab);
      const nats = {
        a: await internet.nat('a-nat', { kind: 'port-restricted-cone', ipv4Only: true }),
        b: await internet.nat('b-nat', { kind: 'port-restricted-cone', ipv4Only: true }),
      };
      const pair = await joined(lab, { a: await nats.a.host('a'), b: await nats.b.host('b') }, internet);
      await expectPath('before', pair, 'direct');
      return { internet, nats, pair };
    }

    it.concurrent('when a NAT is rebooted and gives other ports', async () => {
      await using lab = new Lab();
      const { nats, pair } = await conePair(lab);
      await transferThrough(pair, 9, () => nats.a.reboot(61_000));
      await waitFor('a direct path', async () => (await pathOf(pair.a)) === 'direct');
    });

    it.concurrent('SEC-52: when the address of an interface changes', async () => {
      await using lab = new Lab();
      const { pair } = await conePair(lab);
      await transferThrough(pair, 9, async () => {
        // Both at once would be no move: the old address goes first, as when a laptop changes networks.
        await pair.a.host.runOk('sh', [
          '-c',
          'ip address delete 192.168.1.2/24 dev eth0; ip address add 192.168.1.77/24 dev eth0; ip route replace default via 192.168.1.1',
        ]);
      });
      await waitFor('a direct path', async () => (await pathOf(pair.a)) === 'direct');
    });

    it.concurrent('with 5% loss each way', async () => {
      await using lab = new Lab();
      const { nats, pair } = await conePair(lab);
      await transferThrough(pair, 6, () => nats.a.lose(5));
      expect(await pathOf(pair.a)).toBe('direct');
    });

    // Within 3 s, by test/sim/paths/disturbances.test.ts, whose clock no load of the machine disturbs.
    it.concurrent('SEC-32: when the direct path goes dead it goes by relay, and directly again afterwards', async () => {
      await using lab = new Lab();
      const { nats, pair } = await conePair(lab);
      await transferThrough(pair, 9, async () => {
        await nats.a.blockUdp();
        await waitFor('the relay', async () => (await pathOf(pair.a)) === 'relay');
      });
      await nats.a.blockUdp(false);
      const [address] = (await pair.b.addresses()) as [string];
      const steady = pair.a.host.spawn('ping', ['-n', '-i', '0.2', address]);
      await waitFor('a direct path', async () => (await pathOf(pair.a)) === 'direct', { timeout: 60_000 });
      await steady.end('SIGINT');
    });
  });
});
