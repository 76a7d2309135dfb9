/**
 * The main job, end to end: a coordinator, a token, three hosts, and their traffic between them, encrypted.
 *
 *     coordinator      berlin           oslo             lima
 *     192.0.2.1        192.0.2.11       192.0.2.12       192.0.2.13
 *     2001:db8::1      2001:db8::11     2001:db8::12     2001:db8::13
 *         └──────────────┴───── wire (a switch) ─┴──────────┘
 *
 * In the second half lima's tunnel is wireguard-go's, set up with wg(8) and lima's own key.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { readPcap } from '../support/pcap.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['berlin', 'oslo', 'lima'] as const;
const MARKER = 'PLAINTEXT-THAT-NOBODY-MAY-SEE-';
const STUN_PORTS = [3478, 3479];
/** The first four bytes of a probe (agent/paths/messages.ts), little endian. */
const PROBE = 0x505257d7;
/** RFC 8489 5: the magic cookie. */
const isStun = (payload: Buffer) => payload.length >= 20 && payload.readUInt32BE(4) === 0x2112a442;
const GRPC_PORT = 8443;

describeNeeds(['root', 'tun', 'tcpdump', 'ncat', 'wg', 'wireguard-go'], 'hosts that join by token', () => {
  const lab = new Lab();
  let wire: TestHost;
  let coordinator: TestCoordinator;
  let agents: Record<(typeof NAMES)[number], TestAgent>;
  const addresses: Record<string, string[]> = {};

  beforeAll(async () => {
    ({ wire, coordinator, agents } = await meshOnOneSwitch(lab, NAMES));
    await coordinator.start();
    for (const name of NAMES) await agents[name].join(await coordinator.token(), '--log-level', 'trace');
    for (const name of NAMES) {
      await agents[name].knows(NAMES.length - 1);
      addresses[name] = await agents[name].addresses();
    }
  });

  afterAll(() => lab.close());

  /** Sends a file by TCP through the mesh; the SHA-256 of what came out at the other end, hex. */
  async function transfer(from: TestHost, to: TestHost, address: string, file: string): Promise<string> {
    const port = '7000';
    const receive = 'ncat -l --recv-only "$1" "$2" | sha256sum';
    const receiver = to.spawn('sh', ['-c', receive, 'sh', address, port]);
    await waitFor('the receiver to listen', async () =>
      (await to.runOk('ss', ['-Hltn', `sport = :${port}`])).includes(port),
    );
    const send = 'exec ncat --send-only "$1" "$2" < "$3"';
    await from.runOk('sh', ['-c', send, 'sh', address, port, file], { timeout: 100_000 });
    const [, hash] = await receiver.waitForOutput(/^([0-9a-f]{64})/m, 100_000);
    return hash as string;
  }

  it.each(
    NAMES.flatMap((from) =>
      NAMES.filter((to) => to !== from).flatMap((to) => [4, 6].map((family) => ({ from, to, family }))),
    ),
  )('$from reaches $to by IPv$family', async ({ from, to, family }) => {
    const address = (addresses[to] as string[])[family === 4 ? 0 : 1] as string;
    expect(await agents[from].pings(address)).toBe(true);
  });

  it('addresses are of the overlay ranges and of one node only', () => {
    const all = Object.values(addresses).flat();
    expect(new Set(all).size).toBe(2 * NAMES.length);
    for (const [four, six] of Object.values(addresses)) {
      expect(four).toMatch(/^100\.64\.0\.\d+$/);
      expect(six).toMatch(/^fd/);
    }
  });

  it('100 MB by TCP arrive as they were sent', async () => {
    const file = join(lab.directory('data'), 'random');
    writeFileSync(file, randomBytes(100_000_000));
    const sent = createHash('sha256');
    await pipeline(createReadStream(file), sent);
    const received = await transfer(
      agents.berlin.host,
      agents.oslo.host,
      (addresses.oslo as string[])[0] as string,
      file,
    );
    expect(received).toBe(sent.digest('hex'));
  });

  it('nothing but WireGuard messages and sealed probes crosses the wire between them, and no plaintext', async () => {
    const folder = lab.directory('capture');
    const file = join(folder, 'text');
    writeFileSync(file, MARKER.repeat(5_000));
    // The wire's ports, in the order in which hosts were plugged: coordinator eth0, berlin eth1.
    const capture = join(folder, 'wire.pcap');
    const tcpdump = wire.spawn('tcpdump', ['-i', 'eth1', '-s0', '-U', '-Z', 'root', '-w', capture]);
    await tcpdump.waitForOutput(/listening on/);
    const [four, six] = addresses.oslo as [string, string];
    await transfer(agents.berlin.host, agents.oslo.host, four, file);
    await transfer(agents.berlin.host, agents.oslo.host, six, file);
    await agents.berlin.host.runOk('ping', ['-n', '-c3', '-i0.2', '-p', '5741', four]);
    await tcpdump.end('SIGINT');

    const frames = readPcap(readFileSync(capture));
    const ports = await Promise.all(NAMES.map(async (name) => (await agents[name].status()).self.listenPort));
    const types = new Map<number, number>();
    const others: string[] = [];
    for (const frame of frames) {
      expect(frame.bytes.includes(MARKER)).toBe(false);
      expect(frame.bytes.includes('5741'.repeat(8), 0, 'hex')).toBe(false);
      if (frame.udp !== undefined && isStun(frame.udp.payload)) {
        const { sourcePort, destinationPort } = frame.udp;
        expect(STUN_PORTS.includes(sourcePort) || STUN_PORTS.includes(destinationPort)).toBe(true);
      } else if (frame.udp !== undefined) {
        expect(ports).toContain(frame.udp.sourcePort);
        expect(ports).toContain(frame.udp.destinationPort);
        const type = frame.udp.payload.readUInt32LE(0);
        types.set(type, (types.get(type) ?? 0) + 1);
      } else if (frame.tcp !== undefined) {
        expect([frame.tcp.sourcePort, frame.tcp.destinationPort]).toContain(GRPC_PORT);
      } else others.push(`${frame.etherType.toString(16)}/${frame.protocol}`);
    }
    // ARP, and ICMPv6's neighbour discovery, are the wire's own.
    expect(others.filter((kind) => kind !== '806/-1' && kind !== '86dd/58')).toEqual([]);
    expect([...types.keys()].filter((type) => ![1, 2, 3, 4, PROBE].includes(type))).toEqual([]);
    expect(types.get(4)).toBeGreaterThan(10);
  });

  it('a ping by name tells path and round trip', async () => {
    const { status, stdout } = await agents.oslo.run('ping', 'lima', '-c', '1');
    expect(stdout).toMatch(
      /^lima \(100\.64\.0\.\d+\): [\d.]+ ms \(path direct, (192\.0\.2\.13|\[2001:db8::13\]):\d+\)$/m,
    );
    expect(status).toBe(0);
  });

  it('SEC-63: no token, key or certificate key in any log at level trace', async () => {
    const secrets = NAMES.flatMap((name) => {
      const identity = JSON.parse(readFileSync(join(agents[name].state, 'identity.json'), 'utf8'));
      return [identity.privateKey, identity.certificateKey.split('\n')[1]];
    });
    const logs = [coordinator.process?.output, ...NAMES.map((name) => agents[name].process?.output)].join();
    expect(logs).toContain('a node joined');
    for (const secret of secrets) expect(logs).not.toContain(secret);
    expect(logs).not.toMatch(/warren1_[A-Za-z0-9_-]{60}/);
  });

  describeNeeds(['wireguard-go'], "with one end that is Debian's wireguard-go", () => {
    const ifname = lab.interfaceName();

    beforeAll(async () => {
      const { host, state } = agents.lima;
      const before = await agents.lima.status();
      expect(await agents.lima.stop()).toBe(0);
      const identity = JSON.parse(readFileSync(join(state, 'identity.json'), 'utf8'));
      const key = join(lab.directory('key'), 'private');
      writeFileSync(key, identity.privateKey, { mode: 0o600 });
      const foreground = { env: { WG_PROCESS_FOREGROUND: '1' } };
      host.spawn('wireguard-go', ['-f', ifname], foreground);
      await waitFor('wireguard-go', async () => (await host.run('wg', ['show', ifname])).status === 0);
      const peers = before.peers.flatMap((peer) => [
        ...['peer', peer.publicKey, 'endpoint', peer.endpoint as string],
        ...['allowed-ips', peer.allowedIps.join(',')],
      ]);
      const port = String(before.self.listenPort);
      await host.runOk('wg', ['set', ifname, 'private-key', key, 'listen-port', port, ...peers]);
      await host.ip(`link set ${ifname} mtu 1420 up`);
      for (const address of identity.addresses) {
        const bits = address.includes(':') ? '128 nodad' : '32';
        await host.ip(`address add ${address}/${bits} dev ${ifname}`);
      }
      for (const peer of before.peers)
        for (const cidr of peer.allowedIps) await host.ip(`route add ${cidr} dev ${ifname}`);
    });

    it.each(['berlin', 'oslo'] as const)('it reaches %s, and is reached, in both families', async (name) => {
      for (const address of addresses[name] as string[]) expect(await agents.lima.pings(address)).toBe(true);
      for (const address of addresses.lima as string[]) expect(await agents[name].pings(address)).toBe(true);
    });

    it('10 MB by TCP arrive as they were sent, both ways', async () => {
      const file = join(lab.directory('data'), 'random');
      const data = randomBytes(10_000_000);
      writeFileSync(file, data);
      const hash = createHash('sha256').update(data).digest('hex');
      const [berlin] = addresses.berlin as [string];
      const [lima] = addresses.lima as [string];
      expect(await transfer(agents.berlin.host, agents.lima.host, lima, file)).toBe(hash);
      expect(await transfer(agents.lima.host, agents.berlin.host, berlin, file)).toBe(hash);
    });

    it('SEC-6: once its key has expired, peers drop its packets, also with the coordinator down', async () => {
      const [berlin] = addresses.berlin as [string];
      await coordinator.verb('nodes', 'expire', 'lima', '--in', '6s');
      await waitFor('berlin to be told of the expiry', async () => {
        const map = JSON.parse(readFileSync(join(agents.berlin.state, 'map.json'), 'utf8')).map;
        return map.peers.find((peer: { name: string }) => peer.name === 'lima').keyExpiresAt > 0;
      });
      const { map } = JSON.parse(readFileSync(join(agents.berlin.state, 'map.json'), 'utf8'));
      const expiry = map.peers.find((peer: { name: string }) => peer.name === 'lima').keyExpiresAt;
      expect(await agents.lima.pings(berlin)).toBe(true);
      await coordinator.stop('SIGKILL');
      await waitFor(
        'the peers to drop it',
        async () => Date.now() > expiry && !(await agents.lima.pings(berlin, 1)),
      );
      expect(Date.now() - expiry).toBeLessThan(5_000 + 1_000);
      // It was the one that expired, and only that one.
      expect(await agents.oslo.pings(berlin)).toBe(true);
      const { peers } = await agents.berlin.status();
      expect(peers.find((peer) => peer.name === 'lima')?.allowedIps).toEqual([]);
    });
  });
});
