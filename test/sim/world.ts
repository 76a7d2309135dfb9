import { clamp, publicKeyOf } from '../../agent/wireguard/crypto.ts';
import { Device, type DeviceDependencies } from '../../agent/wireguard/device.ts';
import { type PacketBuffer, packetBuffer } from '../../agent/wireguard/packet-buffer.ts';
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
      for (const host of this.hosts)
        if (host.device.nextDeadline() <= this.now) host.device.advance(this.now);
    }
    this.now = end;
  }

  /** Messages sent by type, since `from`. */
  count(type: number, from = 0): number {
    return this.sent.filter((datagram) => datagram.at >= from && datagram.bytes[0] === type).length;
  }

  private nextDeadline(): number {
    return this.hosts.reduce(
      (least, host) => Math.min(least, host.device.nextDeadline()),
      Number.POSITIVE_INFINITY,
    );
  }
}

/** One host of the world: a device, where its packets come out, and what it reported. */
export class Host {
  readonly device: Device;
  readonly privateKey = new Uint8Array(32);
  readonly publicKey: Uint8Array;
  /** May be changed: the host then has moved. */
  address: string;
  /** Inner packets that came out of the tunnel. */
  readonly received: Uint8Array[] = [];
  readonly events: DeviceEvent[] = [];
  private readonly world: World;
  private readonly buffer: PacketBuffer = packetBuffer(70_000);

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

  /** Puts an inner packet into the tunnel. */
  send(packet: Uint8Array): void {
    this.buffer.bytes.set(packet, 64);
    this.device.packetFromTunnel(this.buffer, 64, packet.length, this.world.now);
  }

  /** Takes a datagram from the network. */
  receive(bytes: Uint8Array, from: string): void {
    this.buffer.bytes.set(bytes, 32);
    const source = endpoint(from);
    this.device.datagramFromNetwork(
      this.buffer,
      32,
      bytes.length,
      UdpAddress.from(source.address, source.port),
      this.world.now,
    );
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
