/**
 * Two agents that need a relay, and two relays, of which one and then the other is lost:
 *
 *     a ── site (NAT, UDP blocked) ──┐             ┌── coordinator, a relay itself
 *                                    ├──── core ───┤
 *     b ─────────────────────────────┘             └── far, a relay on a host of its own
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isProbe } from '../../agent/paths/messages.ts';
import { capture } from '../support/capture.ts';
import { TestAgent, TestCoordinator, TestRelay } from '../support/mesh.ts';
import { Internet } from '../support/nat.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { holdsInMemory } from '../support/process-memory.ts';
import { notTls, tcpStreams } from '../support/tls-records.ts';
import { transferThrough } from '../support/transfer.ts';
import { waitFor } from '../support/wait-for.ts';

const RECORDER = [
  join(import.meta.dirname, '../../bin/warren-node'),
  join(import.meta.dirname, '../support/recording-relay.ts'),
] as const;

describeNeeds(['root', 'tun', 'nft', 'iperf3', 'tcpdump'], 'losing relays', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let far: TestRelay;
  let record: string;
  let a: TestAgent;
  let b: TestAgent;
  let address: string;

  beforeAll(async () => {
    const internet = await Internet.open(lab);
    const host = await internet.host('coord', 4);
    far = new TestRelay(await internet.host('far', 4), lab.directory('far'));
    const site = await internet.nat('site', { kind: 'port-restricted-cone', ipv4Only: true });
    const hosts = [await site.host('a'), await internet.host('b', 4)] as const;
    await site.blockUdp();
    coordinator = new TestCoordinator(host, lab.directory('coordinator'));
    await coordinator.start();
    record = join(lab.directory('record'), 'datagrams');
    [a, b] = [
      new TestAgent(hosts[0], 'a', join(lab.directory('a'), 'state')),
      new TestAgent(hosts[1], 'b', join(lab.directory('b'), 'state')),
    ];
    for (const each of [a, b]) await each.join(await coordinator.token());
    // The coordinator's own is the home of both, and one that comes later and is as near changes nothing in that.
    for (const each of [a, b]) await home(each, 'coordinator-');
    await far.start(await coordinator.token('--relay'), [...RECORDER, record]);
    for (const each of [a, b]) await connected(each, 'relay-');
    address = (await b.addresses())[0] as string;
    expect(await a.pings(address)).toBe(true);
  });
  afterAll(() => lab.close());

  const relays = async (agent: TestAgent, kind: string) =>
    (await agent.status()).self.relays.filter(({ id }) => id.startsWith(kind));
  const home = (agent: TestAgent, kind: string) =>
    waitFor(`${agent.name} to have its home at ${kind}`, async () =>
      (await relays(agent, kind)).some((relay) => relay.home),
    );
  const connected = (agent: TestAgent, kind: string) =>
    waitFor(`${agent.name} to be connected to ${kind}`, async () =>
      (await relays(agent, kind)).some(({ state }) => state === 'connected'),
    );
  const expectRelayed = async () => {
    for (const each of [a, b]) expect((await each.status()).peers[0]?.path).toBe('relay');
  };

  it('SEC-44: the coordinator is killed with its own relay in the middle of a transfer, which goes on by the other one', async () => {
    await expectRelayed();
    await transferThrough({ a, b }, 6, async () => {
      await coordinator.stop('SIGKILL');
    });
    for (const each of [a, b]) await home(each, 'relay-');
    await expectRelayed();
  });

  it('SEC-44: an agent that is restarted meanwhile comes up by its saved map and carries traffic, still by relay', async () => {
    expect(await a.stop()).toBe(0);
    await a.up();
    expect(await a.pings(address)).toBe(true);
    expect((await a.status()).self.coordinator).toBe('disconnected');
    await expectRelayed();
    // It may be back while the next test runs: homes stay what they are.
    await coordinator.start();
  });

  it('SEC-33: a relay sees ciphertext only, at its interface, in what it carries and in its memory', async () => {
    const marker = randomBytes(16);
    const wire = await capture(lab, far.host, 'eth0', 'ip');
    const already = datagramsIn(readFileSync(record)).length;
    const flags = ['-n', '-q', '-c20', '-i0.05', '-W15', '-s1200', '-p', marker.toString('hex')];
    expect(await a.host.runOk('ping', [...flags, address])).toContain('20 received');
    const packets = await wire.stop((captured) => captured.length >= 20);

    const carried = datagramsIn(readFileSync(record));
    expect(carried.length - already).toBeGreaterThanOrEqual(40);
    expect(carried.map(kindOf).filter((kind) => kind === null)).toEqual([]);
    expect(carried.map(kindOf)).toContain('initiation');
    for (const datagram of carried) expect(datagram.includes(marker)).toBe(false);

    expect(packets.every((packet) => packet[9] === 6)).toBe(true);
    expect(Buffer.concat(packets).includes(marker)).toBe(false);
    for (const stream of tcpStreams(packets, 8443)) expect(notTls(stream)).toBeNull();

    expect(holdsInMemory(far.process?.pid as number, marker)).toBe(false);
    // That it would be found where it is: the sender had it in the clear.
    expect(holdsInMemory(a.process?.pid as number, marker)).toBe(true);
  });

  it("a relay on a host of its own is killed in the middle of a transfer, which goes on by the coordinator's", async () => {
    for (const each of [a, b]) await connected(each, 'coordinator-');
    await expectRelayed();
    await transferThrough({ a, b }, 6, async () => {
      await far.process?.end('SIGKILL');
    });
    for (const each of [a, b]) await home(each, 'coordinator-');
    await expectRelayed();
  });
});

function datagramsIn(bytes: Buffer): Buffer[] {
  const datagrams: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    datagrams.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return datagrams;
}

/** What a datagram is by its header and length; null for what no agent should have sent. */
function kindOf(datagram: Buffer): string | null {
  if (isProbe(new DataView(datagram.buffer, datagram.byteOffset), 0, datagram.length)) return 'probe';
  const { length } = datagram;
  switch (datagram.readUInt32LE(0)) {
    case 1:
      return length === 148 ? 'initiation' : null;
    case 2:
      return length === 92 ? 'response' : null;
    case 3:
      return length === 64 ? 'cookie reply' : null;
    case 4:
      return length >= 32 ? 'transport data' : null;
    default:
      return null;
  }
}
