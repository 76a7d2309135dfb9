import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OWN_SOCKET } from '../../../agent/paths/path.ts';
import type { PeerReach } from '../../../agent/paths/path-sink.ts';
import { relayAddress } from '../../../agent/paths/relay-address.ts';
import { DatagramWays } from '../../../agent/tunnel/datagram-ways.ts';
import type { Driver, SideSockets } from '../../../agent/tunnel/driver.ts';
import { PathDevice } from '../../../agent/tunnel/path-device.ts';
import { PathPeers } from '../../../agent/tunnel/path-peers.ts';
import { clamp, cryptoReady, publicKeyOf } from '../../../agent/wireguard/crypto.ts';
import { Device } from '../../../agent/wireguard/device.ts';
import { NO_FOLLOWERS } from '../../../agent/wireguard/followers.ts';
import { type PacketBuffer, packetBuffer } from '../../../agent/wireguard/packet-buffer.ts';
import { UdpAddress } from '../../../agent/wireguard/udp-address.ts';
import { keyToHex } from '../../../shared/key.ts';
import { ipv4, numberOf, prefix, SeededRandom } from '../../sim/world.ts';
import { createReferenceCipher } from '../../support/reference-cipher.ts';

const PORT = 51_820;
const at = (host: number, port = PORT) => UdpAddress.from(Uint8Array.of(192, 0, 2, host), port);

/** Everything under way is delivered by `settle`; a wire that is cut loses what goes by it. */
class Wire {
  now = 1_000;
  isCut = false;
  readonly random = new SeededRandom(1);
  readonly hosts: Host[] = [];
  readonly queue: (() => void)[] = [];

  settle(): void {
    for (;;) {
      const next = this.queue.shift();
      if (next !== undefined) next();
      else if (!this.hosts.some((host) => host.advance())) return;
    }
  }

  pass(milliseconds: number): void {
    for (const end = this.now + milliseconds; this.now < end; this.now += 50) this.settle();
  }
}

/** A device with a driver of no system; hosts are 192.0.2.N, and 10.0.0.N within. */
class Host {
  readonly number: number;
  readonly publicKey: Uint8Array;
  readonly device: Device;
  readonly paths: PathDevice;
  /** What came out of the tunnel. */
  readonly arrived: number[] = [];
  readonly sent = { direct: 0, relay: 0 };
  readonly reached: PeerReach['kind'][] = [];
  readonly #wire: Wire;
  readonly #buffer = packetBuffer(2_048);

  constructor(wire: Wire) {
    this.#wire = wire;
    this.number = wire.hosts.push(this);
    const privateKey = new Uint8Array(32);
    wire.random.fill(privateKey);
    clamp(privateKey);
    this.publicKey = publicKeyOf(privateKey);
    const driver = {
      createBuffer: packetBuffer,
      followers: NO_FOLLOWERS,
      diversion: null as Driver['diversion'],
      sideSockets: null,
      sendDatagram: (target: UdpAddress, buffer: PacketBuffer, offset: number, length: number) => {
        if (driver.diversion?.(target, buffer, offset, length, length)) return;
        this.sent.direct++;
        this.#transmit(target.clone(), buffer.bytes.slice(offset, offset + length));
      },
    };
    this.device = new Device(
      {
        createCipher: createReferenceCipher,
        createBuffer: (length) => packetBuffer(Math.min(length, 2_048)),
        random: wire.random,
        wall: () => 1_800_000_000_000 + wire.now,
        mtu: 1_420,
        sink: {
          datagram: (target, buffer, offset, length) => driver.sendDatagram(target, buffer, offset, length),
          packet: (buffer, offset, length) =>
            void this.arrived.push(numberOf(buffer.bytes.slice(offset, offset + length))),
          event: (event) => void this.paths.deviceEvent(event),
        },
      },
      wire.now,
    );
    this.paths = new PathDevice(this.device, driver as never, wire.random, {
      relay: (publicKey, bytes, segmentSize) => {
        this.sent.relay++;
        const copy = bytes.slice();
        const to = wire.hosts.find((host) => keyToHex(host.publicKey) === keyToHex(publicKey));
        wire.queue.push(() => to?.paths.relayed(this.publicKey, copy, segmentSize, wire.now));
      },
      event: () => {},
      router: (_, { kind }) => void this.reached.push(kind),
      reflexive: () => {},
    });
    this.setKey(privateKey);
    const candidates = [{ kind: 'interface' as const, address: at(this.number) }];
    this.paths.setPaths({ relayIsUp: true, candidates, overlay: [prefix('10.0.0.0/8')] }, wire.now);
  }

  setKey(privateKey: Uint8Array): void {
    this.device.configure({ privateKey }, this.#wire.now);
    this.paths.configured({ privateKey }, this.#wire.now);
  }

  /** `isRemoved`: it is a peer no longer. */
  peer(host: Host, isRemoved = false): void {
    const { publicKey } = host;
    const allowedIps = [{ prefix: prefix(`10.0.0.${host.number}/32`) }];
    const change = { peers: [isRemoved ? { publicKey, remove: true } : { publicKey, allowedIps }] };
    this.device.configure(change, this.#wire.now);
    this.paths.configured(change, this.#wire.now);
    if (isRemoved) return;
    const candidates = [{ kind: 'interface' as const, address: at(host.number) }];
    this.paths.setPaths({ peers: [{ publicKey, candidates }] }, this.#wire.now);
  }

  send(to: Host, number: number): void {
    const packet = ipv4(`10.0.0.${this.number}`, `10.0.0.${to.number}`, 60, number);
    this.#buffer.bytes.set(packet, 32);
    this.paths.packetFromTunnel(this.#buffer, 32, packet.length, this.#wire.now);
  }

  receive(bytes: Uint8Array, source: UdpAddress): void {
    this.#buffer.bytes.set(bytes, 32);
    this.paths.datagramFromNetwork(this.#buffer, 32, bytes.length, source, this.#wire.now);
  }

  /** True if anything was due. */
  advance(): boolean {
    if (this.paths.nextDeadline() > this.#wire.now) return false;
    this.paths.advance(this.#wire.now);
    return true;
  }

  isDirectTo(host: Host): boolean {
    return this.paths.status().get(keyToHex(host.publicKey))?.path != null;
  }

  #transmit(target: UdpAddress, bytes: Uint8Array): void {
    const to = this.#wire.hosts.find((host) => at(host.number).equals(target));
    if (!this.#wire.isCut) this.#wire.queue.push(() => to?.receive(bytes, at(this.number)));
  }
}

beforeAll(cryptoReady);

describe('a device whose datagrams find their way', () => {
  let wire: Wire;
  let a: Host;
  let b: Host;

  beforeEach(() => {
    wire = new Wire();
    [a, b] = [new Host(wire), new Host(wire)];
    a.peer(b);
    b.peer(a);
  });

  it('sends the first packet by relay, and the next ones by the path that answered', () => {
    a.send(b, 1);
    expect(a.sent.relay).toBeGreaterThan(0);
    wire.settle();
    expect([a.isDirectTo(b), b.isDirectTo(a), b.arrived]).toEqual([true, true, [1]]);
    const { relay } = a.sent;
    a.send(b, 2);
    wire.settle();
    expect([b.arrived, a.sent.relay]).toEqual([[1, 2], relay]);
  });

  it('goes by relay while nothing answers, and again when the path is lost', () => {
    wire.isCut = true;
    a.send(b, 1);
    wire.pass(4_000);
    expect([a.isDirectTo(b), b.arrived]).toEqual([false, [1]]);
    wire.isCut = false;
    for (let n = 2; n < 40; n++) {
      a.send(b, n);
      wire.pass(500);
    }
    expect(a.isDirectTo(b)).toBe(true);
    wire.isCut = true;
    for (let n = 40; n < 50; n++) {
      a.send(b, n);
      wire.pass(500);
    }
    expect([a.isDirectTo(b), b.arrived.at(-1)]).toEqual([false, 49]);
  });

  it('takes nothing by relay while it has no key, and finds paths again with the next', () => {
    const another = new Uint8Array(32).fill(7);
    b.setKey(new Uint8Array(32));
    expect([b.paths.status().size, b.paths.counters()]).toEqual([0, {}]);
    a.send(b, 1);
    wire.settle();
    expect([b.arrived, a.isDirectTo(b)]).toEqual([[], false]);
    b.setKey(another);
    expect(b.paths.status().size).toBe(1);
  });

  it('forgets a peer that the device has no more', () => {
    a.send(b, 1);
    wire.settle();
    a.peer(b, true);
    expect(a.paths.status().size).toBe(0);
    const before = a.sent.direct + a.sent.relay;
    b.send(a, 2);
    wire.settle();
    expect([a.arrived, a.sent.direct + a.sent.relay]).toEqual([[], before]);
    a.peer(b);
    a.send(b, 3);
    wire.pass(6_000);
    expect([b.arrived, a.isDirectTo(b)]).toEqual([[1, 3], true]);
  });

  it('tells how routers can be reached that stand in for each other, while one of them has traffic', () => {
    const c = new Host(wire);
    a.peer(c);
    c.peer(a);
    a.paths.setPaths({ routers: [[b.publicKey, c.publicKey]] }, wire.now);
    wire.pass(1_000);
    expect(a.reached).toEqual([]);
    a.send(b, 1);
    wire.pass(3_000);
    expect(a.reached.filter((kind) => kind === 'direct')).toHaveLength(2);
  });
});

describe('the ways of datagrams', () => {
  const KEY = new Uint8Array(32).fill(1);
  const SLOT = 4;
  let log: string[];
  let driver: Driver;
  let ways: DatagramWays;

  beforeEach(() => {
    log = [];
    const peers = new PathPeers();
    peers.add(SLOT, KEY);
    const side: Partial<SideSockets> = {
      send: (socket, target, buffer, offset, length, size) =>
        void log.push(
          `socket ${socket} to ${target.port}: ${[...buffer.bytes.subarray(offset, offset + length)]} by ${size}`,
        ),
      open: (count) => Array.from({ length: count }, (_, i) => i + 1),
      close: (socket) => void log.push(`close ${socket}`),
    };
    driver = {
      createBuffer: packetBuffer,
      diversion: null,
      sideSockets: side,
      sendDatagram: (target: UdpAddress, buffer: PacketBuffer, offset: number, length: number) => {
        if (!driver.diversion?.(target, buffer, offset, length, length)) log.push(`own to ${target.port}`);
      },
    } as Partial<Driver> as Driver;
    ways = new DatagramWays(
      driver,
      peers,
      64,
      (publicKey, bytes, size) => void log.push(`relay ${publicKey[0]}: ${[...bytes]} by ${size}`),
    );
  });

  /** Datagrams of 2 bytes to that address, as the driver is about to send them. */
  function sent(target: UdpAddress): string[] {
    const buffer = packetBuffer(8);
    buffer.bytes.set([1, 2, 3], 4);
    if (!driver.diversion?.(target, buffer, 4, 3, 2)) log.push('as ever');
    return log.splice(0);
  }

  it('are the relay for addresses that stand for it, which nobody has for a peer that is gone', () => {
    expect(sent(relayAddress(SLOT))).toEqual(['relay 1: 1,2,3 by 2']);
    expect(sent(relayAddress(SLOT + 1))).toEqual([]);
    ways.relay(SLOT, Uint8Array.of(9));
    ways.relay(SLOT + 1, Uint8Array.of(9));
    expect(log).toEqual(['relay 1: 9 by 1']);
  });

  it("are the path's own socket until the peer has another path, or is forgotten", () => {
    expect(ways.use(SLOT, { socket: 2, address: at(9) })).toBe(true);
    expect(sent(at(9))).toEqual([`socket 2 to ${PORT}: 1,2,3 by 2`]);
    expect(sent(at(9, 1))).toEqual(['as ever']);
    expect(ways.use(SLOT, { socket: OWN_SOCKET, address: at(9) })).toBe(false);
    expect(sent(at(9))).toEqual(['as ever']);
    ways.use(SLOT, { socket: 2, address: at(9) });
    ways.forget(SLOT);
    expect(sent(at(9))).toEqual(['as ever']);
    expect(ways.use(SLOT, null)).toBe(true);
  });

  it('are for a probe the socket that it names, whatever way others to that address go', () => {
    ways.use(SLOT, { socket: 2, address: at(9) });
    ways.send(OWN_SOCKET, at(9), Uint8Array.of(5));
    ways.send(3, at(9), Uint8Array.of(6));
    expect(log.splice(0)).toEqual([`own to ${PORT}`, `socket 3 to ${PORT}: 6 by 1`]);
    expect(sent(at(9))).toEqual([`socket 2 to ${PORT}: 1,2,3 by 2`]);
  });

  it('open and close sockets of the driver, and none where it has none', () => {
    expect(ways.openSockets(2)).toEqual([1, 2]);
    ways.closeSocket(1);
    expect(log).toEqual(['close 1']);
    const without = { ...driver, sideSockets: null };
    expect(new DatagramWays(without, new PathPeers(), 64, () => {}).openSockets(2)).toEqual([]);
  });
});
