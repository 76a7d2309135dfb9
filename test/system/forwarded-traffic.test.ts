/**
 * Hosts behind both ends of a tunnel, each behind a real Linux bridge, and one more behind a router: what comes out of the
 * tunnel is forwarded, so that nobody but the wire sees what the checksums are.
 *
 *     c1 ─── bridge ─── a ══ tunnel ══ b ─── bridge ─── c2 ─── d
 *     .11.2           .11.1          .12.1            .12.2 .13.1  .13.2          192.168.x, fdxx::
 *     10.0.0.1, fd00::1                               10.0.0.2, fd00::2           of packets that are made by hand
 *
 * The devices towards c1 and c2 have no offloads: the kernels of a and b must finish there what was left partial. c1 and c2
 * have theirs, so that what they send arrives as superpackets at the tunnel's other side.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { capture } from '../support/capture.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { checksumsAreRight, plainSum } from '../support/packets.ts';
import { traffic } from '../support/random-traffic.ts';
import { addPeer, cabledHosts, PORT, startTunnel, type TunnelEnd } from '../support/tunnels.ts';
import { DATAGRAMS, expectedDigest, type UdpArrival } from '../support/udp-batches.ts';
import { urgentStream } from '../support/urgent-stream.ts';
import { waitFor } from '../support/wait-for.ts';

const SUPPORT = join(import.meta.dirname, '../support');
const OFFLOADS_OFF = ['tx', 'off', 'sg', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off'];
const TCP_URG = 0x20;
const SACK = 5;
const TIMESTAMPS = 8;

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

interface Place {
  host: TestHost;
  /** The device that tunnelled traffic comes in by. */
  device: string;
  four: string;
  six: string;
}

describeNeeds(
  ['root', 'tun', 'wg', 'tcpdump', 'ncat', 'nft', 'ethtool'],
  'SEC-28: traffic forwarded out of a tunnel',
  () => {
    const lab = new Lab();
    let c1: Place;
    let c2: Place;
    let d: Place;
    let outer: TestHost;

    async function behind(end: TunnelEnd, net: number, label: string): Promise<Place> {
      const bridge = await lab.switch(`bridge${net}`);
      const host = await lab.host(label);
      const gateway = await lab.plug(end.host, bridge, [`192.168.${net}.1/24`, `fd${net}::1/64`], 1420);
      const four = `192.168.${net}.2`;
      const six = `fd${net}::2`;
      const own = [`10.0.0.${net - 10}/32`, `fd00::${net - 10}/128`];
      const device = await lab.plug(host, bridge, [`${four}/24`, `${six}/64`, ...own], 1420);
      await host.ip(`route add default via 192.168.${net}.1`);
      await host.ip(`-6 route add default via fd${net}::1`);
      await end.host.runOk('ethtool', ['-K', gateway, ...OFFLOADS_OFF]);
      for (const address of [`10.0.0.${net - 10}`, `fd00::${net - 10}`])
        await end.host.ip(`route add ${address} via ${address.includes(':') ? six : four}`);
      await forwards(end.host);
      return { host, device, four, six };
    }

    async function forwards(host: TestHost): Promise<void> {
      await host.runOk('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    }

    async function routeInto(end: TunnelEnd, peer: TunnelEnd, nets: readonly string[]): Promise<void> {
      const allowed = nets.join(',');
      await end.host.runOk('wg', ['set', end.device, 'peer', peer.publicKey, 'allowed-ips', allowed]);
      for (const net of nets) await end.host.ip(`route add ${net} dev ${end.device}`);
    }

    beforeAll(async () => {
      const [hostA, hostB] = await cabledHosts(lab);
      outer = hostB;
      const a = await startTunnel(lab, hostA, 'linux', 1);
      const b = await startTunnel(lab, hostB, 'linux', 2);
      await addPeer(a, b, { endpoint: `192.0.2.2:${PORT}` });
      await addPeer(b, a);
      c1 = await behind(a, 11, 'c1');
      c2 = await behind(b, 12, 'c2');
      await forwards(c2.host);
      const host = await lab.host('d');
      const [, device] = await lab.link(
        c2.host,
        ['192.168.13.1/24', 'fd13::1/64'],
        host,
        ['192.168.13.2/24', 'fd13::2/64'],
        1420,
      );
      await host.ip('route add default via 192.168.13.1');
      await host.ip('-6 route add default via fd13::1');
      await hostB.ip('route add 192.168.13.0/24 via 192.168.12.2');
      await hostB.ip('route add fd13::/64 via fd12::2');
      d = { host, device, four: '192.168.13.2', six: 'fd13::2' };
      await routeInto(a, b, ['192.168.12.0/23', 'fd12::/64', 'fd13::/64', '10.0.0.2/32', 'fd00::2/128']);
      await routeInto(b, a, ['192.168.11.0/24', 'fd11::/64', '10.0.0.1/32', 'fd00::1/128']);
      await c1.host.runOk('ping', ['-n', '-c1', '-W10', d.four]);
      await c1.host.runOk('ping', ['-n', '-c1', '-W10', d.six]);
    });
    afterAll(() => lab.close());

    /** Who sends to whom, by the names of the picture. */
    const places = (name: string): [Place, Place] =>
      name === 'c2 to c1' ? [c2, c1] : name === 'c1 to d' ? [c1, d] : [c1, c2];
    const ways = ['c1 to c2', 'c2 to c1', 'c1 to d'].flatMap((way) =>
      ([4, 6] as const).map((family) => ({ way, family })),
    );

    /** Starts a server for one TCP stream; `done` gives the bytes that it got. */
    async function tcpServer(place: Place, address: string): Promise<{ done: () => Promise<Buffer> }> {
      const file = join(lab.directory('received'), 'stream');
      const family = address.includes(':') ? '-6' : '-4';
      const server = place.host.spawn('sh', ['-c', `exec ncat ${family} -l ${address} 9000 > ${file}`]);
      await waitFor(
        'the server',
        async () => (await place.host.run('ss', ['-Hltn', 'sport = :9000'])).stdout !== '',
      );
      return { done: () => server.exited.then(() => readFileSync(file)) };
    }

    async function sendStream(from: Place, address: string, data: Uint8Array): Promise<void> {
      const file = join(lab.directory('sent'), 'stream');
      writeFileSync(file, data);
      await from.host.runOk('sh', ['-c', `ncat --send-only ${address} 9000 < ${file}`], { timeout: 60_000 });
    }

    it.each(ways)(
      'TCP over IPv$family, $way: to the byte, every checksum on the wire right',
      async ({ way, family }) => {
        const [from, to] = places(way);
        const address = family === 4 ? to.four : to.six;
        const wire = await capture(lab, to.host, to.device, 'tcp port 9000');
        const data = randomBytes(1_500_001);
        const server = await tcpServer(to, address);
        await sendStream(from, address, data);
        expect(digest(await server.done())).toBe(digest(data));
        const packets = await wire.stop((seen) => seen.length > data.length / 1400);
        expect(packets.filter((packet) => !checksumsAreRight(packet))).toEqual([]);
        expect(packets.some((packet) => optionKinds(packet).includes(TIMESTAMPS))).toBe(true);
      },
    );

    it.each(ways)(
      'UDP of odd sizes over IPv$family, $way: whole, in order, every checksum right',
      async ({ way, family }) => {
        const [from, to] = places(way);
        const script = join(SUPPORT, 'udp-batches.ts');
        const receiver = to.host.spawn(process.execPath, [script, 'receive', String(family)]);
        const port = (await receiver.waitForOutput(/^(\d+)$/m))[1] as string;
        const wire = await capture(lab, to.host, to.device, `udp port ${port}`);
        await from.host.runOk(process.execPath, [script, 'send', family === 4 ? to.four : to.six, port]);
        const line = (await receiver.waitForOutput(/^(\{.*\})$/m))[1] as string;
        const arrival = JSON.parse(line) as UdpArrival;
        expect(arrival).toMatchObject({ datagrams: DATAGRAMS, digest: expectedDigest() });
        const packets = await wire.stop((seen) => seen.length >= DATAGRAMS);
        expect(packets.filter((packet) => !checksumsAreRight(packet))).toEqual([]);
      },
    );

    it('TCP that loses packets behind the tunnel recovers by SACK, whose blocks come back through it', async () => {
      const acknowledgements = await capture(lab, c1.host, c1.device, 'tcp src port 9000');
      const rule = 'meta l4proto tcp numgen random mod 50 == 0 drop';
      const table = 'add table inet loss; add chain inet loss in { type filter hook input priority 0; }; ';
      await c2.host.runOk('nft', [`${table} add rule inet loss in ${rule}`]);
      try {
        for (const address of [c2.four, c2.six]) {
          const data = randomBytes(1_000_000);
          const server = await tcpServer(c2, address);
          await sendStream(c1, address, data);
          expect(digest(await server.done())).toBe(digest(data));
        }
      } finally {
        await c2.host.runOk('nft', ['delete table inet loss']);
      }
      const packets = await acknowledgements.stop((seen) =>
        [4, 6].every((family) =>
          seen.some((packet) => packet.readUInt8(0) >> 4 === family && optionKinds(packet).includes(SACK)),
        ),
      );
      expect(packets.filter((packet) => !checksumsAreRight(packet))).toEqual([]);
    });

    it.each([4, 6] as const)('urgent data over IPv%i stays urgent, and where it was', async (family) => {
      const address = family === 4 ? c2.four : c2.six;
      const wire = await capture(lab, c2.host, c2.device, 'tcp port 9000');
      const server = await tcpServer(c2, address);
      await c1.host.runOk(process.execPath, [join(SUPPORT, 'urgent-stream.ts'), address, '9000']);
      expect(digest(await server.done())).toBe(digest(urgentStream()));
      const packets = await wire.stop((seen) => seen.some((packet) => (tcpFlags(packet) & TCP_URG) !== 0));
      expect(packets.filter((packet) => !checksumsAreRight(packet))).toEqual([]);
    });

    it.each(ways)(
      'fragments over IPv$family, $way: pings of 4000 bytes come back whole',
      async ({ way, family }) => {
        const [from, to] = places(way);
        const address = family === 4 ? to.four : to.six;
        const wire = await capture(
          lab,
          to.host,
          to.device,
          family === 4 ? 'ip[6:2] & 0x3fff != 0' : 'ip6 proto 44',
        );
        const said = await from.host.runOk('ping', [
          '-n',
          '-c5',
          '-i0.2',
          '-W5',
          '-s',
          '4001',
          '-p',
          'a51b2c',
          address,
        ]);
        expect(said).toMatch(/ 0% packet loss/);
        expect(said).not.toContain('wrong data byte');
        await wire.stop((seen) => seen.length >= 15);
      },
    );

    const passed = new Set<string>();
    it.each([1, 2, 3, 4])(
      'packets of every other kind pass untouched: IP options, extension headers, fragments, odd flags, ECN: %i',
      async (seed) => {
        const sent = fc
          .sample(traffic, { seed, numRuns: 40 })
          .flat()
          .filter((packet) => packet.length <= 1420)
          // Fewer than a TUN device queues.
          .slice(0, 400);
        for (const packet of sent) {
          const isFour = (packet[0] as number) >>> 4 === 4;
          // Hops enough to get there.
          packet[isFour ? 8 : 7] = (packet[isFour ? 8 : 7] as number) | 0x10;
          passed.add(isFour ? `IPv4 of ${(packet[0] as number) & 15} words` : `IPv6 ${packet[6]}`);
        }
        const file = join(lab.directory('packets'), 'hex');
        writeFileSync(file, sent.map((packet) => Buffer.from(packet).toString('hex')).join('\n'));
        const wire = await capture(lab, c2.host, c2.device, 'src host 10.0.0.1 or src host fd00::1');
        await c1.host.runOk(process.execPath, [join(SUPPORT, 'raw-packets.ts'), file]);
        const arrived = await wire.stop((seen) => seen.length >= sent.length);
        for (const packet of arrived)
          if (packet.readUInt8(0) >> 4 === 4)
            expect(plainSum(packet.subarray(0, (packet.readUInt8(0) & 15) * 4))).toBe(0xffff);
        expect(arrived.map((packet) => comparable(packet, 2))).toEqual(
          sent.map((packet) => comparable(packet, 0)),
        );
      },
    );

    it('among them were all kinds that there are', () => {
      expect([...passed].sort()).toEqual([
        ...['IPv4 of 5 words', 'IPv4 of 6 words'],
        ...['IPv6 0', 'IPv6 17', 'IPv6 44', 'IPv6 6', 'IPv6 60'],
      ]);
    });

    it('ECN: the outer header has the bits of the inner one, which stays, and no more of its traffic class (RFC 6040 4.1)', async () => {
      const outside = await capture(lab, outer, 'eth0', `udp port ${PORT}`);
      const inside = await capture(lab, c2.host, c2.device, 'icmp[0] = 8 or ip6[40] = 128');
      for (const address of [c2.four, c2.six])
        for (const tos of [1, 2, 3, 0xfd])
          await c1.host.runOk('ping', ['-n', '-c1', '-W5', '-Q', String(tos), address]);
      const inner = await inside.stop((seen) => seen.length === 8);
      expect(inner.map(trafficClass)).toEqual([1, 2, 3, 0xfd, 1, 2, 3, 0xfd]);
      const datagrams = await outside.stop((seen) => seen.length >= 8);
      const classes = new Set(datagrams.map(trafficClass));
      expect([...classes].filter((each) => each > 3)).toEqual([]);
      expect([1, 2, 3].every((each) => classes.has(each))).toBe(true);
    });

    it('ECN: a mark of congestion on the outer header goes to the inner one, if that knows marks (RFC 6040 4.2)', async () => {
      const inside = await capture(lab, c2.host, c2.device, 'icmp[0] = 8 or ip6[40] = 128');
      const marks = `table ip warren_mark { chain in { type filter hook prerouting priority -300\n udp dport ${PORT} ip ecn set ce\n }\n}`;
      await outer.runOk('nft', ['-f', '-'], { input: marks });
      try {
        for (const address of [c2.four, c2.six])
          for (const tos of [0, 1, 2, 3, 0xfc])
            await c1.host.runOk('ping', ['-n', '-c1', '-W5', '-Q', String(tos), address]);
      } finally {
        await outer.runOk('nft', ['delete', 'table', 'ip', 'warren_mark']);
      }
      const inner = await inside.stop((seen) => seen.length === 10);
      expect(inner.map(trafficClass)).toEqual([0, 3, 3, 3, 0xfc, 0, 3, 3, 3, 0xfc]);
    });
  },
);

function trafficClass(packet: Buffer): number {
  return packet.readUInt8(0) >> 4 === 4 ? packet.readUInt8(1) : (packet.readUInt16BE(0) >> 4) & 0xff;
}

function tcpOffset(packet: Buffer): number {
  return packet.readUInt8(0) >> 4 === 4 ? (packet.readUInt8(0) & 15) * 4 : 40;
}

function tcpFlags(packet: Buffer): number {
  return packet.readUInt8(tcpOffset(packet) + 13);
}

/** The kinds of a TCP segment's options. */
function optionKinds(packet: Buffer): number[] {
  const tcp = tcpOffset(packet);
  const end = tcp + (packet.readUInt8(tcp + 12) >> 4) * 4;
  const kinds: number[] = [];
  for (let at = tcp + 20; at < end && packet[at] !== 0; ) {
    kinds.push(packet[at] as number);
    at += packet[at] === 1 ? 1 : (packet[at + 1] as number);
  }
  return kinds;
}

/** What must not change on the way over `hops` routers, as hex. */
function comparable(packet: Uint8Array, hops: number): string {
  const copy = Buffer.from(packet);
  const isFour = copy.readUInt8(0) >> 4 === 4;
  const at = isFour ? 8 : 7;
  copy[at] = (copy[at] as number) + hops;
  if (isFour) {
    // With DF the identification means nothing (RFC 6864 4.1); the checksum was looked at before.
    copy.fill(0, 4, 6).fill(0, 10, 12);
  }
  return copy.toString('hex');
}
