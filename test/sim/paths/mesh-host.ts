import { isLocal } from '../../../agent/paths/address-class.ts';
import type { Candidate } from '../../../agent/paths/candidate.ts';
import { addressKey } from '../../../agent/paths/candidate.ts';
import { isProbe } from '../../../agent/paths/messages.ts';
import { OWN_SOCKET, type PathClass } from '../../../agent/paths/path.ts';
import type { ChosenPath, PathEvent } from '../../../agent/paths/path-sink.ts';
import { Paths } from '../../../agent/paths/paths.ts';
import { Reflexive, type ReflexiveResult } from '../../../agent/paths/reflexive.ts';
import { isRelay, relayAddress, relaySlot } from '../../../agent/paths/relay-address.ts';
import { clamp, publicKeyOf } from '../../../agent/wireguard/crypto.ts';
import { Device } from '../../../agent/wireguard/device.ts';
import { type PacketBuffer, packetBuffer } from '../../../agent/wireguard/packet-buffer.ts';
import type { UdpAddress } from '../../../agent/wireguard/udp-address.ts';
import { isBindingResponse } from '../../../shared/stun.ts';
import { createReferenceCipher } from '../../support/reference-cipher.ts';
import { ipv4, numberOf, prefix } from '../world.ts';
import { addressOf, type MeshWorld, placeOf, STUN_SERVERS } from './mesh-world.ts';
import type { Packet, Place, Segment } from './network.ts';

const PORT = 51_820;
export interface Interface {
  ip: string;
  segment: Segment;
}

/** An inner packet that came out of the tunnel. */
export interface Arrival {
  at: number;
  number: number;
  from: number;
}

/**
 * A host of the virtual Internet with the real device and the real path discovery, wired as paths.ts says that a driver does
 * it. It asks STUN servers as an agent does.
 */
export class MeshHost {
  readonly index: number;
  readonly publicKey: Uint8Array;
  readonly device: Device;
  readonly paths: Paths;
  readonly events: (PathEvent & { at: number })[] = [];
  readonly arrivals: Arrival[] = [];
  /** Inner packets given to the tunnel. */
  sent = 0;
  /** Called for every inner packet that arrives. */
  onPacket: (number: number, from: number) => void = () => {};
  candidates: Candidate[] = [];
  interfaces: Interface[];
  readonly openSockets = new Map<number, number>();
  readonly #socketOf = new Map<number, number>();
  readonly #world: MeshWorld;
  readonly #buffer: PacketBuffer = packetBuffer(2_048);
  readonly #peers = new Map<number, MeshHost>();
  readonly #used = new Map<number, ChosenPath | null>();
  /** Paths in use that go by another socket than the tunnel's, by address. */
  readonly #bySocket = new Map<string, number>();
  readonly #reflexive: Reflexive;
  #outside: Pick<ReflexiveResult, 'addresses' | 'hard'> = { addresses: [], hard: false };
  #plannedAt = Number.POSITIVE_INFINITY;
  #nextSocket = 1;

  constructor(world: MeshWorld, interfaces: Interface[]) {
    this.#world = world;
    this.interfaces = [];
    this.index = world.hosts.length + 1;
    const privateKey = new Uint8Array(32);
    world.random.fill(privateKey);
    clamp(privateKey);
    this.publicKey = publicKeyOf(privateKey);
    const { clock, random } = world;
    this.device = new Device(
      {
        createCipher: createReferenceCipher,
        createBuffer: (length) => packetBuffer(Math.min(length, 2_048)),
        random,
        wall: () => 1_800_000_000_000 + clock.now,
        mtu: 1_420,
        sink: {
          datagram: (target, buffer, offset, length) =>
            this.#datagram(target, buffer.bytes.slice(offset, offset + length)),
          packet: (buffer, offset, length) => this.#packet(buffer.bytes.slice(offset, offset + length)),
          event: (event) => {
            if (event.kind !== 'heard-from') return;
            const slot = this.device.slotOf(event.publicKey) as number;
            const from = addressOf(placeFrom(event.address, event.port));
            clock.after(0, () => this.#do(() => this.paths.heardFrom(slot, from, clock.now)));
          },
        },
      },
      clock.now,
    );
    this.device.configure({ privateKey }, clock.now);
    this.paths = new Paths({
      random,
      privateKey,
      sink: {
        probe: (socket, target, bytes) => this.#send(socket, target, bytes),
        relay: (slot, bytes) => this.#relay(slot, bytes),
        use: (slot, path) => this.#use(slot, path),
        wanted: (slot) => this.device.wake(slot, clock.now),
        openSockets: (slot, count) => clock.after(1, () => this.#open(slot, count)),
        closeSocket: (socket) => {
          this.#socketOf.delete(this.openSockets.get(socket) as number);
          this.openSockets.delete(socket);
        },
        wantReflexive: () => clock.after(0, () => this.#do(() => this.#reflexive.refresh(clock.now))),
        event: (event) => void this.events.push({ ...event, at: clock.now }),
      },
    });
    this.#reflexive = new Reflexive(
      random,
      (server, bytes) => this.#transmit(PORT, placeOf(server), bytes),
      (result) => {
        this.#outside = result;
        clock.after(0, () => this.#announce());
      },
    );
    world.hosts.push(this);
    this.moveTo(interfaces);
    this.#reflexive.setServers(STUN_SERVERS.map(addressOf), clock.now);
    this.#plan();
  }

  get inner(): string {
    return `10.${this.index >> 16}.${(this.index >> 8) & 255}.${this.index & 255}`;
  }

  /** Another network: addresses are others from one moment to the next. */
  moveTo(interfaces: Interface[]): void {
    for (const { ip, segment } of this.interfaces) segment.remove(ip);
    this.interfaces = interfaces;
    for (const { ip, segment } of interfaces) segment.add(ip, { arrive: (packet) => this.#arrive(packet) });
    this.#do(() =>
      this.#reflexive.setLocal(
        interfaces.map(({ ip }) => addressOf({ ip, port: PORT })),
        this.#world.clock.now,
      ),
    );
    this.#announce();
  }

  addPeer(peer: MeshHost): void {
    const { now } = this.#world.clock;
    const allowedIps = [{ prefix: prefix(`${peer.inner}/32`) }];
    this.device.configure({ peers: [{ publicKey: peer.publicKey, allowedIps }] }, now);
    const slot = this.device.slotOf(peer.publicKey) as number;
    this.#peers.set(slot, peer);
    this.paths.addPeer(slot, peer.publicKey, now);
    this.paths.setCandidates(slot, peer.candidates, now);
    this.#plan();
  }

  slotOf(peer: MeshHost): number {
    return this.device.slotOf(peer.publicKey) as number;
  }

  /** The direct path in use, as the sink was told; null for the relay. Cheaper than asking for the whole status. */
  pathTo(peer: MeshHost): { class: PathClass } | null {
    const path = this.#used.get(this.slotOf(peer)) ?? null;
    return path === null ? null : { class: isLocal(path.address) ? 'lan' : 'direct' };
  }

  /** Gives the tunnel an inner packet for a peer. */
  send(peer: MeshHost, number: number): void {
    const { now } = this.#world.clock;
    const packet = ipv4(this.inner, peer.inner, 60, number);
    this.sent++;
    this.#do(() => {
      this.#buffer.bytes.set(packet, 32);
      const destination = this.device.route(this.#buffer, 32, packet.length);
      if (destination === null) throw new Error('no route');
      this.paths.traffic(destination.slot, now);
      this.#reflexive.want(now);
      this.device.packetFromTunnel(this.#buffer, 32, packet.length, now);
    });
  }

  fromRelay(from: MeshHost, bytes: Uint8Array): void {
    const slot = this.device.slotOf(from.publicKey);
    if (slot === undefined) return;
    const { now } = this.#world.clock;
    this.#do(() => {
      if (isProbe(viewOf(bytes), 0, bytes.length)) {
        this.#reflexive.want(now);
        this.paths.fromRelay(slot, bytes, now);
      } else this.#toDevice(bytes, relayAddress(slot));
    });
  }

  relayChanged(isUp: boolean): void {
    this.#do(() => this.paths.setRelay(isUp, this.#world.clock.now));
  }

  /** The coordinator tells where a peer may be. */
  peerMoved(peer: MeshHost): void {
    const slot = this.device.slotOf(peer.publicKey);
    if (slot === undefined) return;
    this.#do(() => this.paths.setCandidates(slot, peer.candidates, this.#world.clock.now));
  }

  counter(name: string): number {
    return this.paths.counters()[name] ?? this.device.snapshot().counters[name] ?? 0;
  }

  /** Runs something that may change when this host must be woken. */
  #do(run: () => void): void {
    run();
    this.#plan();
  }

  #plan(): void {
    const { clock } = this.#world;
    const next = Math.min(
      this.device.nextDeadline(),
      this.paths.nextDeadline(),
      this.#reflexive.nextDeadline(),
    );
    if (next >= this.#plannedAt) return;
    this.#plannedAt = next;
    clock.at(next, () => {
      if (this.#plannedAt !== next) return;
      this.#plannedAt = Number.POSITIVE_INFINITY;
      if (this.device.nextDeadline() <= clock.now) this.device.advance(clock.now);
      if (this.paths.nextDeadline() <= clock.now) this.paths.advance(clock.now);
      if (this.#reflexive.nextDeadline() <= clock.now) this.#reflexive.advance(clock.now);
      this.#plan();
    });
  }

  #use(slot: number, path: ChosenPath | null): void {
    this.#used.set(slot, path);
    const address = path === null ? relayAddress(slot) : path.address;
    if (path !== null) {
      if (path.socket === OWN_SOCKET) this.#bySocket.delete(addressKey(path.address));
      else this.#bySocket.set(addressKey(path.address), path.socket);
    }
    const isDiverted = path?.socket !== OWN_SOCKET;
    this.device.setPath(slot, address, isDiverted, this.#world.clock.now);
  }

  #datagram(target: UdpAddress, bytes: Uint8Array): void {
    if (isRelay(target)) this.#relay(relaySlot(target), bytes);
    else this.#send(this.#bySocket.get(addressKey(target)) ?? OWN_SOCKET, target, bytes);
  }

  #relay(slot: number, bytes: Uint8Array): void {
    const peer = this.#peers.get(slot);
    if (peer !== undefined) this.#world.byRelay(this, peer.publicKey, bytes);
  }

  #send(socket: number, target: UdpAddress, bytes: Uint8Array): void {
    const port = socket === OWN_SOCKET ? PORT : this.openSockets.get(socket);
    if (port === undefined) this.#world.lose(bytes, 'closed-port');
    else this.#transmit(port, placeOf(target), bytes);
  }

  #transmit(port: number, to: Place, bytes: Uint8Array): void {
    const isSix = to.ip.includes(':');
    const usable = this.interfaces.filter(({ ip }) => ip.includes(':') === isSix);
    // As a routing table has it: by the network that the address is in, or else by the default route.
    const from = usable.find(({ segment }) => segment.has(to.ip)) ?? usable[0];
    if (from === undefined) this.#world.lose(bytes, 'no-route');
    else from.segment.send({ from: { ip: from.ip, port }, to, bytes });
  }

  #arrive(packet: Packet): void {
    const { bytes, from, to } = packet;
    const socket = to.port === PORT ? OWN_SOCKET : this.#socketOf.get(to.port);
    if (socket === undefined) {
      this.#world.lose(bytes, 'closed-port');
      return;
    }
    const { now } = this.#world.clock;
    this.#do(() => {
      if (isBindingResponse(bytes)) this.#reflexive.response(bytes, addressOf(from));
      else if (isProbe(viewOf(bytes), 0, bytes.length))
        this.paths.datagram(socket, addressOf(from), bytes, now);
      else this.#toDevice(bytes, addressOf(from));
    });
  }

  #toDevice(bytes: Uint8Array, source: UdpAddress): void {
    this.#buffer.bytes.set(bytes, 32);
    this.device.datagramFromNetwork(this.#buffer, 32, bytes.length, source, this.#world.clock.now);
  }

  #packet(packet: Uint8Array): void {
    const number = numberOf(packet);
    const from = (packet[13] as number) * 65_536 + (packet[14] as number) * 256 + (packet[15] as number);
    this.arrivals.push({ at: this.#world.clock.now, number, from });
    // The device is in the middle of something: what is sent in answer comes after.
    this.#world.clock.after(0, () => this.onPacket(number, from));
  }

  #open(slot: number, count: number): void {
    const sockets: number[] = [];
    for (let i = 0; i < count; i++) {
      const socket = this.#nextSocket++;
      const port = 52_000 + socket;
      this.openSockets.set(socket, port);
      this.#socketOf.set(port, socket);
      sockets.push(socket);
    }
    this.#do(() => this.paths.socketsOpened(slot, sockets, this.#world.clock.now));
  }

  /** Tells what is known of this host to path discovery and to the coordinator. */
  #announce(): void {
    const local = this.interfaces.map(({ ip }) => addressOf({ ip, port: PORT }));
    const { addresses, hard } = this.#outside;
    this.candidates = [
      ...local.map((address): Candidate => ({ kind: 'interface', address })),
      ...addresses.map((address): Candidate => ({ kind: 'reflexive', address })),
    ];
    this.#do(() => this.paths.setOwnSide({ candidates: this.candidates, hard }, this.#world.clock.now));
    this.#world.publish(this);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function placeFrom(address: Uint8Array, port: number): Place {
  const ip =
    address.length === 4
      ? address.join('.')
      : Array.from({ length: 8 }, (_, i) =>
          (((address[i * 2] as number) << 8) | (address[i * 2 + 1] as number)).toString(16),
        ).join(':');
  return { ip, port };
}
