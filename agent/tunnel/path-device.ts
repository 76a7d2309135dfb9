import type { Random } from '../../shared/random.ts';
import { isBindingResponse } from '../../shared/stun.ts';
import { isProbe } from '../paths/messages.ts';
import { OWN_SOCKET } from '../paths/path.ts';
import type { PeerPathStatus } from '../paths/path-sink.ts';
import { relayAddress } from '../paths/relay-address.ts';
import type { DeviceChange } from '../wireguard/configuration.ts';
import type { TunnelDevice } from '../wireguard/data-path.ts';
import type { Device } from '../wireguard/device.ts';
import type { FollowerReport } from '../wireguard/follower-updates.ts';
import { MESSAGE_TRANSPORT, TRANSPORT } from '../wireguard/messages.ts';
import type { PacketBuffer } from '../wireguard/packet-buffer.ts';
import type { Peer } from '../wireguard/peer.ts';
import type { DeviceEvent } from '../wireguard/sink.ts';
import { UdpAddress } from '../wireguard/udp-address.ts';
import { DatagramWays, type ToRelay } from './datagram-ways.ts';
import type { Driver } from './driver.ts';
import { monotonicNow } from './monotonic.ts';
import { PathPeers } from './path-peers.ts';
import { PathSearch, type PathsChange, type SearchHooks } from './path-search.ts';

/** The largest datagram, and a probe by relay, fit in here. */
const BUFFER_LENGTH = 65_600;

/** What leaves the worker. */
export interface PathHooks extends SearchHooks {
  relay: ToRelay;
}

/**
 * A device whose datagrams find their way by path discovery: it stands between driver and device, hands path discovery what is for
 * it, and tells it of traffic. Lives in the tunnel's first worker.
 */
export class PathDevice implements TunnelDevice {
  readonly #device: Device;
  readonly #driver: Driver;
  readonly #peers = new PathPeers();
  readonly #search: PathSearch;
  /** For what came by relay. */
  readonly #buffer: PacketBuffer;
  /** When the device was called last, which reports from within. */
  #now = 0;

  constructor(device: Device, driver: Driver, random: Random, hooks: PathHooks) {
    this.#device = device;
    this.#driver = driver;
    this.#buffer = driver.createBuffer(BUFFER_LENGTH);
    const peers = this.#peers;
    const ways = new DatagramWays(driver, peers, BUFFER_LENGTH, (publicKey, bytes, segmentSize) =>
      hooks.relay(publicKey, bytes, segmentSize),
    );
    this.#search = new PathSearch({ device, peers, ways, random, hooks });
    if (driver.sideSockets !== null) {
      driver.sideSockets.onDatagram = (socket, buffer, offset, length, source) =>
        this.#sideDatagram(socket, buffer, offset, length, source, monotonicNow());
    }
  }

  /** To be called after the device was configured: peers that are gone are forgotten, another key begins anew. */
  configured({ privateKey }: DeviceChange, now: number): void {
    this.#now = now;
    if (privateKey !== undefined) this.#search.setPrivateKey(privateKey, now);
    this.#search.forgetGone(now);
  }

  setPaths(change: PathsChange, now: number): void {
    this.#now = now;
    this.#search.change(change, now);
  }

  /** What the relay brought from a peer. */
  relayed(publicKey: Uint8Array, bytes: Uint8Array, segmentSize: number, now: number): void {
    this.#now = now;
    const slot = this.#peers.slotOf(publicKey);
    if (slot === undefined || !this.#search.hasKey) return;
    const source = relayAddress(slot);
    for (let at = 0; at < bytes.length; at += segmentSize) {
      const datagram = bytes.subarray(at, Math.min(at + segmentSize, bytes.length));
      if (datagram.length > this.#buffer.bytes.length) continue;
      this.#buffer.bytes.set(datagram);
      if (isProbe(this.#buffer.view, 0, datagram.length)) this.#search.fromRelay(slot, datagram, now);
      else this.#deliver(this.#buffer, 0, datagram.length, source, now);
    }
  }

  /** What the device reports; what is for path discovery alone does not go further. True if it was. */
  deviceEvent(event: DeviceEvent): boolean {
    if (event.kind !== 'heard-from') return false;
    const source = UdpAddress.from(event.address, event.port);
    this.#search.heardFrom(event.publicKey, source, this.#now);
    return true;
  }

  /** By public key in hex. */
  status(): Map<string, PeerPathStatus> {
    return this.#search.status();
  }

  counters(): Record<string, number> {
    return this.#search.counters();
  }

  close(): void {
    this.#search.close();
  }

  setMtu(mtu: number): void {
    this.#device.setMtu(mtu);
  }

  route(buffer: PacketBuffer, offset: number, length: number): Peer | null {
    return this.#device.route(buffer, offset, length);
  }

  seal(
    peer: Peer,
    source: PacketBuffer,
    sourceOffset: number,
    length: number,
    target: PacketBuffer,
    targetOffset: number,
    now: number,
  ): number {
    return this.#device.seal(peer, source, sourceOffset, length, target, targetOffset, now);
  }

  stage(peer: Peer, buffer: PacketBuffer, offset: number, length: number, now: number): void {
    this.#search.traffic(peer.slot, now);
    this.#device.stage(peer, buffer, offset, length, now);
  }

  sealed(peer: Peer, count: number, bytes: number, now: number): void {
    this.#search.traffic(peer.slot, now);
    this.#device.sealed(peer, count, bytes, now);
  }

  packetFromTunnel(buffer: PacketBuffer, offset: number, length: number, now: number): void {
    const peer = this.#device.route(buffer, offset, length);
    if (peer === null) {
      this.unrouted(buffer, offset, length, now);
      return;
    }
    this.#search.traffic(peer.slot, now);
    this.#device.packetToPeer(peer, buffer, offset, length, now);
  }

  unrouted(buffer: PacketBuffer, offset: number, length: number, now: number): void {
    for (const slot of this.#device.groupOf(buffer, offset, length)) this.#search.traffic(slot, now);
    this.#device.unrouted(buffer, offset, length, now);
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
    this.#now = now;
    return this.#device.open(source, offset, length, from, target, targetOffset, now);
  }

  datagramFromNetwork(
    buffer: PacketBuffer,
    offset: number,
    length: number,
    source: UdpAddress,
    now: number,
  ): void {
    this.#now = now;
    if (isProbe(buffer.view, offset, length))
      this.#search.probe(OWN_SOCKET, source.clone(), buffer.bytes.slice(offset, offset + length), now);
    else if (isBindingResponse(buffer.bytes.subarray(offset, offset + length)))
      this.#search.stunResponse(buffer.bytes.slice(offset, offset + length), source, now);
    else this.#device.datagramFromNetwork(buffer, offset, length, source, now);
  }

  report(report: FollowerReport, now: number): void {
    this.#now = now;
    if (report.kind === 'activity') {
      for (const { slot, lastDataSent } of report.peers)
        if (lastDataSent > 0) this.#search.traffic(slot, now);
    } else if (report.kind === 'packet') this.#handedOver(report.bytes, now);
    this.#device.report(report, now);
  }

  nextDeadline(): number {
    return Math.min(this.#device.nextDeadline(), this.#search.nextDeadline());
  }

  advance(now: number): void {
    this.#now = now;
    this.#search.advance(now);
    if (this.#device.nextDeadline() <= now) this.#device.advance(now);
  }

  /** A follower cannot send this packet: a peer that is reached by relay has no other traffic there. */
  #handedOver(bytes: Uint8Array, now: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const packet = { bytes, view, address: 0 };
    const peer = this.#device.route(packet, 0, bytes.length);
    const slots = peer === null ? this.#device.groupOf(packet, 0, bytes.length) : [peer.slot];
    for (const slot of slots) this.#search.traffic(slot, now);
  }

  #sideDatagram(
    socket: number,
    buffer: PacketBuffer,
    offset: number,
    length: number,
    source: UdpAddress,
    now: number,
  ): void {
    this.#now = now;
    if (isProbe(buffer.view, offset, length))
      this.#search.probe(socket, source.clone(), buffer.bytes.slice(offset, offset + length), now);
    else this.#deliver(buffer, offset, length, source, now);
  }

  /** A datagram that did not come by the socket of the worker that it may belong to. */
  #deliver(buffer: PacketBuffer, offset: number, length: number, source: UdpAddress, now: number): void {
    const isTransport =
      length >= TRANSPORT.overhead && buffer.view.getUint32(offset, true) === MESSAGE_TRANSPORT;
    const owner = isTransport
      ? this.#device.ownerOf(buffer.view.getInt32(offset + TRANSPORT.receiver, true))
      : 0;
    if (owner === 0) this.#device.datagramFromNetwork(buffer, offset, length, source, now);
    else this.#driver.followers.datagram(owner, buffer.bytes.slice(offset, offset + length), source);
  }
}
