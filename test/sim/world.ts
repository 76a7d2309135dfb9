import { clamp, publicKeyOf } from '../../agent/wireguard/crypto.ts';
import { Device, type DeviceDependencies } from '../../agent/wireguard/device.ts';
import { Follower } from '../../agent/wireguard/follower.ts';
import type { FollowerReport, FollowerUpdate } from '../../agent/wireguard/follower-updates.ts';
import { type PacketBuffer, packetBuffer } from '../../agent/wireguard/packet-buffer.ts';
import { Publisher } from '../../agent/wireguard/publisher.ts';
import type { DeviceEvent } from '../../agent/wireguard/sink.ts';
import { UdpAddress } from '../../agent/wireguard/udp-address.ts';
import { type Endpoint, parseEndpoint } from '../../shared/endpoint.ts';
import { type Prefix, parsePrefix } from '../../shared/prefix.ts';
import type { Random } from '../../shared/random.ts';
import { createReferenceCipher } from '../support/reference-cipher.ts';

/** A reproducible source of randomness (mulberry32). */
export class SeededRandom implements Random {
  private word: number;
  constructor(seed: number) {
    this.word = seed | 0;
  }
  /** Uniform in [0, 1). */
  next(): number {
    this.word = (this.word + 0x6d2b79f5) | 0;
    let t = Math.imul(this.word ^ (this.word >>> 15), 1 | this.word);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.next() * 256;
  }
}

/** A datagram on its way. `text` forms of the addresses are `192.0.2.1:51820`. */
export interface Datagram {
  from: string;
  to: string;
  bytes: Uint8Array;
}

export interface Faults {
  /** One-way delay in milliseconds. */
  delay: number;
  /** Further random delay, which reorders. */
  jitter: number;
  /** Probabilities. */
  loss: number;
  duplicate: number;
}

const NO_FAULTS: Faults = { delay: 1, jitter: 0, loss: 0, duplicate: 0 };

/**
 * A virtual network under a virtual clock: hosts with one device each, datagrams with faults, and nothing that happens by
 * itself. Everything follows from the seed.
 */
export class World {
  now = 0;
  /** What the wall clock says at `now` 0; tests may move it. */
  wallStart = 1_800_000_000_000;
  faults: Faults = { ...NO_FAULTS };
  readonly random: SeededRandom;
  readonly hosts: Host[] = [];
  /** Every datagram that was sent, lost ones too. */
  readonly sent: (Datagram & { at: number })[] = [];
  /** How many workers the hosts to be made have. */
  workers = 1;
  /** Keeps `sent` from growing in long runs. */
  recording = true;
  /** Decides about single datagrams: false loses it. */
  filter: (datagram: Datagram) => boolean = () => true;
  private readonly queue: { at: number; order: number; run: () => void }[] = [];
  private order = 0;

  constructor(seed: number, faults: Partial<Faults> = {}) {
    this.random = new SeededRandom(seed);
    Object.assign(this.faults, faults);
  }

  host(address: string, options: Partial<DeviceDependencies> = {}): Host {
    const host = new Host(this, address, options);
    this.hosts.push(host);
    return host;
  }

  /** Two hosts that have each other as peers, with 10.0.0.n/32 and fd00::n/128, and know each other's endpoint. */
  pair(options: Partial<DeviceDependencies> = {}): [Host, Host] {
    const a = this.host('192.0.2.1:51820', options);
    const b = this.host('192.0.2.2:51820', options);
    a.addPeer(b, ['10.0.0.2/32', 'fd00::2/128'], { endpoint: b.address });
    b.addPeer(a, ['10.0.0.1/32', 'fd00::1/128'], { endpoint: a.address });
    return [a, b];
  }

  transmit(datagram: Datagram): void {
    if (this.recording) this.sent.push({ ...datagram, at: this.now });
    if (!this.filter(datagram)) return;
    if (this.random.next() < this.faults.loss) return;
    const copies = this.random.next() < this.faults.duplicate ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const delay = this.faults.delay + this.random.next() * this.faults.jitter;
      this.at(this.now + delay, () => this.deliver(datagram));
    }
  }

  /** Hands a datagram to whoever has its address, now. */
  deliver(datagram: Datagram): void {
    this.hosts.find((host) => host.address === datagram.to)?.receive(datagram.bytes, datagram.from);
  }

  at(time: number, run: () => void): void {
    const entry = { at: time, order: this.order++, run };
    let low = 0;
    let high = this.queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.queue[middle] as { at: number }).at <= time) low = middle + 1;
      else high = middle;
    }
    this.queue.splice(low, 0, entry);
  }

  /** Lets time pass until `duration` is over, doing everything at its moment. */
  run(duration: number): void {
    const end = this.now + duration;
    for (;;) {
      const next = Math.min(this.queue[0]?.at ?? Number.POSITIVE_INFINITY, this.nextDeadline());
      if (next > end) break;
      this.now = Math.max(this.now, next);
      while ((this.queue[0]?.at ?? Number.POSITIVE_INFINITY) <= this.now) this.queue.shift()?.run();
      for (const host of this.hosts) host.advance();
    }
    this.now = end;
  }

  /** Messages sent by type, since `from`. */
  count(type: number, from = 0): number {
    return this.sent.filter((datagram) => datagram.at >= from && datagram.bytes[0] === type).length;
  }

  private nextDeadline(): number {
    return this.hosts.reduce((least, host) => Math.min(least, host.nextDeadline()), Number.POSITIVE_INFINITY);
  }
}

/** The most milliseconds that a message between two workers is under way. */
const BETWEEN_WORKERS = 2;

/** One host of the world: a device and perhaps followers, where its packets come out, and what it reported. */
export class Host {
  readonly device: Device;
  readonly privateKey = new Uint8Array(32);
  readonly publicKey: Uint8Array;
  /** May be changed: the host then has moved. */
  address: string;
  /** Inner packets that came out of the tunnel. */
  readonly received: Uint8Array[] = [];
  readonly events: DeviceEvent[] = [];
  readonly followers: Follower[] = [];
  /** For each follower, the updates that it has not taken yet. */
  private readonly updates: FollowerUpdate[][] = [];
  private readonly world: World;
  private readonly buffer: PacketBuffer = packetBuffer(70_000);
  private readonly sealed: PacketBuffer = packetBuffer(70_000);
  /** While it sleeps, for how much longer its loops would have waited. */
  private leftToWait: number | null = null;
  private waitsUntil = 0;

  constructor(world: World, address: string, options: Partial<DeviceDependencies>) {
    this.world = world;
    this.address = address;
    world.random.fill(this.privateKey);
    clamp(this.privateKey);
    this.publicKey = publicKeyOf(this.privateKey);
    this.device = new Device(
      {
        createCipher: createReferenceCipher,
        random: world.random,
        wall: () => world.wallStart + world.now,
        mtu: 1420,
        ...(world.workers > 1 && {
          followers: new Publisher(world.workers, (update, worker) => this.update(update, worker)),
        }),
        ...options,
        sink: {
          datagram: (target, buffer, offset, length) =>
            world.transmit({
              from: this.address,
              to: addressText(target),
              bytes: buffer.bytes.slice(offset, offset + length),
            }),
          packet: (buffer, offset, length) =>
            void this.received.push(buffer.bytes.slice(offset, offset + length)),
          event: (event) => void this.events.push(event),
        },
      },
      world.now,
    );
    for (let worker = 1; worker < world.workers; worker++) this.addFollower(worker);
    this.device.configure({ privateKey: this.privateKey }, world.now);
  }

  addPeer(
    peer: { publicKey: Uint8Array },
    allowedIps: readonly string[],
    options: {
      endpoint?: string;
      candidates?: string[];
      presharedKey?: Uint8Array;
      persistentKeepalive?: number;
    } = {},
  ): void {
    this.device.configure(
      {
        peers: [
          {
            publicKey: peer.publicKey,
            allowedIps: allowedIps.map((text) => ({ prefix: prefix(text) })),
            ...(options.endpoint && { endpoint: endpoint(options.endpoint) }),
            ...(options.candidates && { candidates: options.candidates.map(endpoint) }),
            ...(options.presharedKey && { presharedKey: options.presharedKey }),
            ...(options.persistentKeepalive !== undefined && {
              persistentKeepalive: options.persistentKeepalive,
            }),
          },
        ],
      },
      this.world.now,
    );
  }

  removePeer({ publicKey }: { publicKey: Uint8Array }): void {
    this.device.configure({ peers: [{ publicKey, remove: true }] }, this.world.now);
  }

  setGroup({ publicKey }: { publicKey: Uint8Array }, inGroup: boolean): void {
    this.device.configure({ peers: [{ publicKey, inGroup }] }, this.world.now);
  }

  /** Puts an inner packet into the tunnel; where there are several workers, it is read by any. */
  send(packet: Uint8Array): void {
    const { buffer, sealed, world } = this;
    this.waitsUntil = 0;
    buffer.bytes.set(packet, 64);
    const follower =
      world.workers > 1 ? this.followers[Math.floor(world.random.next() * world.workers) - 1] : undefined;
    if (follower === undefined) {
      this.device.packetFromTunnel(buffer, 64, packet.length, world.now);
      return;
    }
    const peer = follower.route(buffer, 64, packet.length);
    if (peer === null) {
      follower.unrouted(buffer, 64, packet.length, world.now);
      return;
    }
    const length = follower.seal(peer, buffer, 64, packet.length, sealed, 0, world.now);
    if (length === 0) follower.stage(peer, buffer, 64, packet.length, world.now);
    else {
      const to = addressText(peer.endpoint as UdpAddress);
      world.transmit({ from: this.address, to, bytes: sealed.bytes.slice(0, length) });
      follower.sealed(peer, 1, length, world.now);
    }
  }

  /** Takes a datagram from the network; transport data goes to the worker that its receiver index tells. */
  receive(bytes: Uint8Array, from: string): void {
    const { buffer, world } = this;
    if (this.leftToWait !== null) return;
    this.waitsUntil = 0;
    buffer.bytes.set(bytes, 32);
    const { address, port } = endpoint(from);
    const source = UdpAddress.from(address, port);
    const worker = bytes[0] === 4 ? (bytes[4] as number) % world.workers : 0;
    const follower = this.followers[worker - 1];
    if (follower === undefined) {
      this.device.datagramFromNetwork(buffer, 32, bytes.length, source, world.now);
      return;
    }
    const length = follower.open(buffer, 32, bytes.length, source, this.sealed, 0, world.now);
    if (length > 0) this.received.push(this.sealed.bytes.slice(0, length));
  }

  nextDeadline(): number {
    if (this.leftToWait !== null) return Number.POSITIVE_INFINITY;
    const deadlines = this.followers.map((follower) => follower.nextDeadline());
    return Math.max(this.waitsUntil, Math.min(this.device.nextDeadline(), ...deadlines));
  }

  advance(): void {
    const { now } = this.world;
    if (this.leftToWait !== null || now < this.waitsUntil) return;
    for (const path of [this.device, ...this.followers]) if (path.nextDeadline() <= now) path.advance(now);
  }

  /** The host is suspended: nothing reaches it, and what its loops had left to wait does not pass; only its clock goes on. */
  sleep(): void {
    this.leftToWait = Math.max(0, this.nextDeadline() - this.world.now);
  }

  wake(): void {
    this.waitsUntil = this.world.now + (this.leftToWait ?? 0);
    this.leftToWait = null;
  }

  /** Messages between workers stay in order but take their time. */
  private addFollower(worker: number): void {
    const { world } = this;
    const waiting: FollowerUpdate[] = [];
    const reports: FollowerReport[] = [];
    const follower = new Follower({
      worker,
      mtu: 1420,
      createCipher: createReferenceCipher,
      createBuffer: packetBuffer,
      packet: (buffer, offset, length) =>
        void this.received.push(buffer.bytes.slice(offset, offset + length)),
      now: () => world.now,
      mayHandOver: () => reports.length < 256,
      takeUpdates: () => this.takeUpdates(worker),
      report: (report) => {
        reports.push(report);
        world.at(world.now + world.random.next() * BETWEEN_WORKERS, () => {
          for (const next of reports.splice(0)) this.device.report(next, world.now);
        });
      },
    });
    this.updates.push(waiting);
    this.followers.push(follower);
  }

  private update(update: FollowerUpdate, worker?: number): void {
    const { world } = this;
    for (const [index, waiting] of this.updates.entries()) {
      if (worker !== undefined && worker !== index + 1) continue;
      waiting.push(update);
      world.at(world.now + world.random.next() * BETWEEN_WORKERS, () => this.takeUpdates(index + 1));
    }
  }

  private takeUpdates(worker: number): void {
    for (const update of this.updates[worker - 1]?.splice(0) ?? []) this.followers[worker - 1]?.apply(update);
  }

  /** What this host counted about its only peer. */
  peer() {
    const [peer] = this.device.snapshot().peers;
    if (peer === undefined) throw new Error('this host has no peer');
    return peer;
  }

  counter(name: string): number {
    return this.device.snapshot().counters[name] ?? 0;
  }
}

export function endpoint(text: string): Endpoint {
  return parseEndpoint(text) as Endpoint;
}

export function prefix(text: string): Prefix {
  return parsePrefix(text) as Prefix;
}

function addressText(address: UdpAddress): string {
  const bytes = address.addressBytes();
  if (bytes.length === 4) return `${bytes.join('.')}:${address.port}`;
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[i * 2] as number) << 8) | (bytes[i * 2 + 1] as number)).toString(16),
  );
  return `[${groups.join(':')}]:${address.port}`;
}

/** An IPv4 packet whose payload begins with a number, `length` bytes in all. */
export function ipv4(source: string, destination: string, length: number, number = 0): Uint8Array {
  const packet = new Uint8Array(length);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x45);
  view.setUint16(2, length);
  packet.set(source.split('.').map(Number), 12);
  packet.set(destination.split('.').map(Number), 16);
  if (length >= 24) view.setUint32(20, number);
  return packet;
}

/** An IPv6 packet of `length` bytes; addresses as prefixes of the library read them. */
export function ipv6(source: string, destination: string, length: number): Uint8Array {
  const packet = new Uint8Array(length);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x60);
  view.setUint16(4, length - 40);
  packet.set(prefix(source).bytes, 8);
  packet.set(prefix(destination).bytes, 24);
  return packet;
}

/** The number in a packet made by `ipv4`. */
export function numberOf(packet: Uint8Array): number {
  return new DataView(packet.buffer, packet.byteOffset).getUint32(20);
}
