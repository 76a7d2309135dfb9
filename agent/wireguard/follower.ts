import type { CreateTransportCipher } from './aead.ts';
import { MAX_PACKET } from './constants.ts';
import { COUNT, Counters } from './counters.ts';
import type { DataPath } from './data-path.ts';
import type { FollowerKeypair, FollowerPeer } from './follower-peer.ts';
import { FollowerTable } from './follower-table.ts';
import type { FollowerReport, FollowerUpdate } from './follower-updates.ts';
import { TRANSPORT } from './messages.ts';
import type { PacketBuffer } from './packet-buffer.ts';
import { destinationOf, innerLength, openMessage, sealMessage, withoutRoute } from './transport.ts';
import { endpointOf, UdpAddress } from './udp-address.ts';

/** How often activity is reported, milliseconds: the timers of section 6 count in seconds. */
const REPORT_INTERVAL = 100;
const MAX_DATAGRAM = MAX_PACKET + TRANSPORT.overhead;
const NEVER = Number.POSITIVE_INFINITY;

export interface FollowerDependencies {
  /** Which worker this is, from 1. */
  worker: number;
  createCipher: CreateTransportCipher;
  /** Hands a report to the device. */
  report: (report: FollowerReport) => void;
  /** Room for one more packet on its way to the device; false while too many are under way. */
  mayHandOver: () => boolean;
  /** Takes the updates that wait, by `apply`. Cheap when there are none. */
  takeUpdates: () => void;
  mtu: number;
  /** As in DeviceDependencies. */
  createBuffer: (length: number) => PacketBuffer;
  /** One authentic inner packet for the tunnel; the buffer is good until the call returns. */
  packet: (buffer: PacketBuffer, offset: number, length: number) => void;
  now: () => number;
}

/**
 * A further worker's part of a device: it seals for every peer under the session that the device chose, with counters that
 * all workers share, and opens for the peers whose receiver indices are its own. Handshakes, timers and all decisions stay
 * with the device, which hears what happened here ten times a second.
 */
export class Follower implements DataPath {
  readonly #dependencies: FollowerDependencies;
  readonly #table: FollowerTable;
  readonly #counters = new Counters();
  /** Those that something happened with since the last report. */
  #active: FollowerPeer[] = [];
  #reportAt = NEVER;
  /** Something was counted that belongs to no peer. */
  #hasCounts = false;
  /** For a datagram that the device hands over, and what is in it. Made when first needed. */
  #handedOver: { sealed: PacketBuffer; inner: PacketBuffer } | null = null;

  constructor(dependencies: FollowerDependencies) {
    this.#dependencies = dependencies;
    const { worker, createCipher, mtu } = dependencies;
    this.#table = new FollowerTable(worker, createCipher, mtu);
  }

  apply(update: FollowerUpdate): void {
    if (update.kind === 'datagram') this.#datagram(update);
    else this.#table.apply(update);
  }

  route(buffer: PacketBuffer, offset: number, length: number): FollowerPeer | null {
    const known = destinationOf(this.#table.allowedIps, buffer, offset, length);
    if (known !== null) return known;
    // The device may have been given the peer a moment ago and this worker not have looked yet.
    this.#dependencies.takeUpdates();
    return destinationOf(this.#table.allowedIps, buffer, offset, length);
  }

  unrouted(buffer: PacketBuffer, offset: number, length: number, _now: number): void {
    const why = withoutRoute(this.#table.hasGroup, buffer, offset, length);
    if (why === 'group') this.#handOver(buffer, offset, length);
    else this.#count(why);
  }

  seal(
    peer: FollowerPeer,
    source: PacketBuffer,
    sourceOffset: number,
    length: number,
    target: PacketBuffer,
    targetOffset: number,
    now: number,
  ): number {
    const keypair = peer.current;
    if (keypair === null || peer.endpoint === null || peer.isDiverted || !keypair.isAlive(now)) return 0;
    return sealMessage(keypair, this.#table.mtu, source, sourceOffset, length, target, targetOffset);
  }

  stage(_peer: FollowerPeer, buffer: PacketBuffer, offset: number, length: number, _now: number): void {
    this.#handOver(buffer, offset, length);
  }

  sealed(peer: FollowerPeer, count: number, bytes: number, now: number): void {
    if (count === 0) return;
    peer.txBytes += bytes;
    peer.lastDataSent = now;
    this.#noteActivity(peer, now);
  }

  open(
    source: PacketBuffer,
    offset: number,
    length: number,
    from: UdpAddress,
    target: PacketBuffer,
    targetOffset: number,
    now: number,
  ): number {
    if (length < TRANSPORT.overhead) {
      this.#count(COUNT['malformed-datagram']);
      return 0;
    }
    const keypair = this.#session(source.view.getInt32(offset + TRANSPORT.receiver, true));
    if (keypair === undefined) {
      this.#count(COUNT['unknown-receiver']);
      return 0;
    }
    const peer = keypair.peer;
    const why = openMessage(keypair, source, offset, length, target, targetOffset, now);
    if (why >= 0) {
      this.#drop(peer, why, now);
      return 0;
    }
    if (peer.endpoint === null || !peer.endpoint.equals(from)) this.#roam(peer, from);
    if (!keypair.isConfirmed) this.#confirm(keypair, now);
    peer.rxBytes += length;
    peer.lastReceived = now;
    this.#noteActivity(peer, now);
    const plain = length - TRANSPORT.overhead;
    if (plain === 0) return 0;
    peer.lastDataReceived = now;
    const inner = innerLength(this.#table.allowedIps, peer, target, targetOffset, plain);
    if (inner > 0) return inner;
    this.#drop(peer, -inner, now);
    return 0;
  }

  datagramFromNetwork(
    buffer: PacketBuffer,
    offset: number,
    length: number,
    source: UdpAddress,
    _now: number,
  ): void {
    if (!this.#dependencies.mayHandOver()) {
      this.#count(COUNT['rate-limited']);
      return;
    }
    const bytes = buffer.bytes.slice(offset, offset + length);
    this.#dependencies.report({ kind: 'datagram', bytes, source: endpointOf(source) });
  }

  nextDeadline(): number {
    return this.#hasCounts && this.#reportAt === NEVER ? 0 : this.#reportAt;
  }

  advance(now: number): void {
    if (this.#reportAt === NEVER && this.#hasCounts) this.#reportAt = now + REPORT_INTERVAL;
    if (now < this.#reportAt) return;
    this.#reportAt = NEVER;
    this.#hasCounts = false;
    const peers = this.#active.map((peer) => peer.takeActivity());
    this.#active = [];
    this.#dependencies.report({ kind: 'activity', peers, counts: this.#counters.takeAll() });
  }

  /** Wipes every key. */
  close(): void {
    this.#table.close();
  }

  #datagram({ bytes, source }: FollowerUpdate & { kind: 'datagram' }): void {
    const { createBuffer, packet, now } = this.#dependencies;
    this.#handedOver ??= { sealed: createBuffer(MAX_DATAGRAM), inner: createBuffer(MAX_DATAGRAM) };
    const { sealed, inner } = this.#handedOver;
    if (bytes.length > MAX_DATAGRAM) return;
    sealed.bytes.set(bytes);
    const from = UdpAddress.from(source.address, source.port, source.scope);
    const length = this.open(sealed, 0, bytes.length, from, inner, 0, now());
    if (length > 0) packet(inner, 0, length);
  }

  /** The device may have begun the session a moment ago and this worker not have looked yet. */
  #session(index: number): FollowerKeypair | undefined {
    const keypair = this.#table.session(index);
    if (keypair !== undefined) return keypair;
    this.#dependencies.takeUpdates();
    return this.#table.session(index);
  }

  /** 2.1: any authentic message tells where the peer is. */
  #roam(peer: FollowerPeer, from: UdpAddress): void {
    if (peer.endpointChosen) {
      // The device tells path discovery of it; here nothing moves, and one report for a source is enough.
      if (peer.heardFrom?.equals(from)) return;
      peer.heardFrom = from.clone();
    } else if (peer.endpoint === null) peer.endpoint = from.clone();
    else peer.endpoint.copyFrom(from);
    this.#dependencies.report({ kind: 'roamed', slot: peer.slot, endpoint: endpointOf(from) });
  }

  #confirm(keypair: FollowerKeypair, now: number): void {
    keypair.isConfirmed = true;
    this.#dependencies.report({ kind: 'confirmed', localIndex: keypair.localIndex, time: now });
  }

  #drop(peer: FollowerPeer, index: number, now: number): void {
    peer.drops.add(index);
    this.#noteActivity(peer, now);
  }

  /** To the device, as long as not too much is on its way there already. */
  #handOver(buffer: PacketBuffer, offset: number, length: number): void {
    if (this.#dependencies.mayHandOver())
      this.#dependencies.report({ kind: 'packet', bytes: buffer.bytes.slice(offset, offset + length) });
    else this.#count(COUNT['staged-overflow']);
  }

  #count(index: number): void {
    this.#counters.add(index);
    this.#hasCounts = true;
  }

  #noteActivity(peer: FollowerPeer, now: number): void {
    if (peer.isActive) return;
    peer.isActive = true;
    this.#active.push(peer);
    if (this.#reportAt === NEVER) this.#reportAt = now + REPORT_INTERVAL;
  }
}
