import type { DeviceChange, DeviceSnapshot } from './configuration.ts';
import { Configurator } from './configure.ts';
import { COUNT } from './counters.ts';
import type { TunnelDevice } from './data-path.ts';
import { Expiry } from './expiry.ts';
import type { FollowerReport } from './follower-updates.ts';
import { forgetIdentity } from './identity.ts';
import { Inbound } from './inbound.ts';
import {
  MESSAGE_COOKIE_REPLY,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
  MESSAGE_TRANSPORT,
  messageType,
} from './messages.ts';
import { Outbound } from './outbound.ts';
import type { PacketBuffer } from './packet-buffer.ts';
import type { Peer } from './peer.ts';
import { snapshotOf } from './snapshot.ts';
import { type DeviceDependencies, DeviceState } from './state.ts';
import { destinationOf, withoutRoute } from './transport.ts';
import { UdpAddress } from './udp-address.ts';

export type { DeviceDependencies } from './state.ts';

/**
 * A WireGuard device without its devices: packets, datagrams and time go in by its verbs, and what comes of them goes to the
 * sink inside the same call. Times are monotonic milliseconds. `cryptoReady()` must have resolved before. The sink must not
 * call back into the device.
 */
export class Device implements TunnelDevice {
  private readonly state: DeviceState;
  private readonly outbound: Outbound;
  private readonly inbound: Inbound;
  private readonly expiry: Expiry;
  private readonly configurator: Configurator;

  constructor(dependencies: DeviceDependencies, now: number) {
    this.state = new DeviceState(dependencies, now);
    this.outbound = new Outbound(this.state);
    this.inbound = new Inbound(this.state, this.outbound);
    this.expiry = new Expiry(this.state, this.outbound);
    this.configurator = new Configurator(this.state, this.outbound);
  }

  /** Applies a change; throws `usage` for a key of a wrong length and has then changed nothing. Keys are copied. */
  configure(change: DeviceChange, now: number): void {
    this.configurator.apply(change, now);
  }

  /** The number by which path discovery and followers know a peer, or undefined where there is none. */
  slotOf(publicKey: Uint8Array): number | undefined {
    return this.state.peer(publicKey)?.slot;
  }

  /**
   * Sends a peer's datagrams to `path` (copied) from now on; authentic messages no longer move the endpoint but are told as
   * `heard-from`. `isDiverted`: only the first worker can send there, by relay or a socket of its own. A slot whose peer is
   * gone by now is no error.
   */
  setPath(slot: number, path: UdpAddress, isDiverted: boolean, now: number): void {
    const peer = this.state.slots.get(slot);
    if (peer !== undefined) this.configurator.setPath(peer, path, isDiverted, now);
  }

  /** Sees to it that there is a session with the peer, if it has one no more. A slot whose peer is gone is no error. */
  wake(slot: number, now: number): void {
    const peer = this.state.slots.get(slot);
    if (peer !== undefined && peer.keypairs.current?.canSend(now) !== true && peer.keypairs.next === null)
      this.outbound.initiate(peer, now, false);
  }

  /**
   * Begins a handshake although there is a session, and at once if the last one was answered: what protects a peer that does not
   * answer need not wait there. A slot whose peer is gone is no error.
   */
  handshake(slot: number, now: number): void {
    const peer = this.state.slots.get(slot);
    if (peer === undefined) return;
    if (peer.pending === null) peer.lastSentHandshake = Number.NEGATIVE_INFINITY;
    this.outbound.initiate(peer, now, false);
  }

  /** Bytes of a peer's messages so far, handshakes included. */
  trafficOf(slot: number): { sent: number; received: number } {
    const peer = this.state.slots.get(slot);
    return { sent: peer?.txBytes ?? 0, received: peer?.rxBytes ?? 0 };
  }

  /** The worker that receives what is sent under this receiver index. */
  ownerOf(receiverIndex: number): number {
    return this.state.indices.ownerOfIndex(receiverIndex);
  }

  /** A copy of configuration, statistics and counters. The receiver wipes the keys in it. */
  snapshot(): DeviceSnapshot {
    return snapshotOf(this.state);
  }

  setMtu(mtu: number): void {
    if (mtu === this.state.mtu) return;
    this.state.mtu = mtu;
    this.state.followers.mtuChanged(mtu);
  }

  packetFromTunnel(buffer: PacketBuffer, offset: number, length: number, now: number): void {
    const peer = this.route(buffer, offset, length);
    if (peer === null) this.unrouted(buffer, offset, length, now);
    else this.packetToPeer(peer, buffer, offset, length, now);
  }

  unrouted(buffer: PacketBuffer, offset: number, length: number, now: number): void {
    const { group, counters } = this.state;
    const why = withoutRoute(group.size > 0, buffer, offset, length);
    if (why !== 'group') counters.add(why);
    else for (const peer of group) this.packetToPeer(peer, buffer, offset, length, now);
  }

  /** The slots of the peers that get a copy of this packet, which has no peer of its own. */
  groupOf(buffer: PacketBuffer, offset: number, length: number): number[] {
    const { group } = this.state;
    if (withoutRoute(group.size > 0, buffer, offset, length) !== 'group') return [];
    return Array.from(group, ({ slot }) => slot);
  }

  /** The same for a packet that `route` was asked about. */
  packetToPeer(peer: Peer, buffer: PacketBuffer, offset: number, length: number, now: number): void {
    const { datagram, sink } = this.state;
    const sealed = this.seal(peer, buffer, offset, length, datagram, 0, now);
    if (sealed === 0) {
      this.stage(peer, buffer, offset, length, now);
      return;
    }
    sink.datagram(peer.endpoint as UdpAddress, datagram, 0, sealed);
    this.sealed(peer, 1, sealed, now);
  }

  /** Takes one UDP datagram of any kind; an inner packet in it goes to the sink. */
  datagramFromNetwork(
    buffer: PacketBuffer,
    offset: number,
    length: number,
    source: UdpAddress,
    now: number,
  ): void {
    switch (messageType(buffer.view, offset, length)) {
      case MESSAGE_TRANSPORT: {
        const { inner } = this.state;
        if (length > inner.bytes.length) break;
        const packet = this.inbound.open(buffer, offset, length, source, inner, 0, now);
        if (packet > 0) this.state.sink.packet(inner, 0, packet);
        return;
      }
      case MESSAGE_INITIATION:
      case MESSAGE_RESPONSE:
        this.inbound.handshake(buffer, offset, length, source, now);
        return;
      case MESSAGE_COOKIE_REPLY:
        this.inbound.cookieReply(buffer, offset, now);
        return;
    }
    this.state.counters.add(COUNT['malformed-datagram']);
  }

  /** Serves the timers that are due. */
  advance(now: number): void {
    this.expiry.advance(now);
  }

  /** When `advance` is to be called next; Infinity if never. May come earlier than there is something to do. */
  nextDeadline(): number {
    const deadline = this.state.deadlines.next();
    return this.state.indices.sessions === 0 ? deadline : Math.min(deadline, this.state.sleep.nextCheck);
  }

  route(buffer: PacketBuffer, offset: number, length: number): Peer | null {
    return destinationOf(this.state.allowedIps, buffer, offset, length);
  }

  /** 0 also while other packets to the peer are staged: they go first. */
  seal(
    peer: Peer,
    source: PacketBuffer,
    sourceOffset: number,
    length: number,
    target: PacketBuffer,
    targetOffset: number,
    now: number,
  ): number {
    return this.outbound.seal(peer, source, sourceOffset, length, target, targetOffset, now);
  }

  stage(peer: Peer, buffer: PacketBuffer, offset: number, length: number, now: number): void {
    this.outbound.stage(peer, buffer, offset, length, now);
  }

  sealed(peer: Peer, count: number, bytes: number, now: number): void {
    if (count > 0) this.outbound.sealed(peer, bytes, now);
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
    return this.inbound.open(source, offset, length, from, target, targetOffset, now);
  }

  report(report: FollowerReport, now: number): void {
    const { indices, slots, counters, plaintext } = this.state;
    switch (report.kind) {
      case 'confirmed': {
        const keypair = indices.keypair(report.localIndex);
        if (keypair !== undefined && keypair === keypair.peer.keypairs.next)
          this.inbound.confirm(keypair.peer, now);
        return;
      }
      case 'roamed': {
        const { address, port, scope } = report.endpoint;
        const peer = slots.get(report.slot);
        if (peer !== undefined) this.inbound.roam(peer, UdpAddress.from(address, port, scope));
        return;
      }
      case 'packet':
        // A buffer with room for the padding that sealing writes behind a packet.
        plaintext.bytes.set(report.bytes);
        this.packetFromTunnel(plaintext, 0, report.bytes.length, now);
        return;
      case 'datagram': {
        const { bytes } = report;
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        // Transport data needs memory with a native address, and its owner's replay window.
        if (messageType(view, 0, bytes.length) === MESSAGE_TRANSPORT) return;
        const { address, port, scope } = report.source;
        const source = UdpAddress.from(address, port, scope);
        this.datagramFromNetwork({ bytes, view, address: 0 }, 0, bytes.length, source, now);
        return;
      }
      case 'activity':
        if (report.counts !== null) counters.addAll(report.counts);
        for (const activity of report.peers) {
          const peer = slots.get(activity.slot);
          if (peer !== undefined) this.inbound.passedElsewhere(peer, activity, now);
        }
        return;
    }
  }

  /** Removes every peer and wipes all keys. The device does nothing more. */
  close(): void {
    this.configurator.removeAll();
    this.state.cookies.close();
    if (this.state.own !== null) forgetIdentity(this.state.own);
    this.state.own = null;
  }
}
