import type { DeviceChange, DeviceSnapshot } from './configuration.ts';
import { Configurator } from './configure.ts';
import { COUNT } from './counters.ts';
import { Expiry } from './expiry.ts';
import { forgetIdentity } from './identity.ts';
import { Inbound } from './inbound.ts';
import { IPV4_DESTINATION, IPV6_DESTINATION, ipVersion } from './inner-packet.ts';
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
import type { UdpAddress } from './udp-address.ts';

export type { DeviceDependencies } from './state.ts';

/**
 * A WireGuard device without its devices: packets, datagrams and time go in by its verbs, and what comes of them goes to the
 * sink inside the same call. Times are monotonic milliseconds. `cryptoReady()` must have resolved before. The sink must not
 * call back into the device.
 */
export class Device {
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

  /** A copy of configuration, statistics and counters. The receiver wipes the keys in it. */
  snapshot(): DeviceSnapshot {
    return snapshotOf(this.state);
  }

  setMtu(mtu: number): void {
    this.state.mtu = mtu;
  }

  /**
   * Takes one inner packet from the tunnel. The 15 bytes behind it must exist in the buffer; they are used for padding and
   * put back.
   */
  packetFromTunnel(buffer: PacketBuffer, offset: number, length: number, now: number): void {
    const peer = this.route(buffer, offset, length);
    if (peer === null) return;
    const { datagram, sink } = this.state;
    // What waits already goes first, or packets would overtake each other.
    const sealed = peer.staged.length > 0 ? 0 : this.seal(peer, buffer, offset, length, datagram, 0, now);
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

  /** The peer that an inner packet goes to by its destination, or null; what is malformed or has no peer is counted. */
  route(buffer: PacketBuffer, offset: number, length: number): Peer | null {
    const { allowedIps, counters } = this.state;
    const version = ipVersion(buffer.view, offset, length);
    if (version === 0) {
      counters.add(COUNT['malformed-outbound']);
      return null;
    }
    const peer =
      version === 4
        ? allowedIps.lookup4(buffer, offset + IPV4_DESTINATION)
        : allowedIps.lookup6(buffer, offset + IPV6_DESTINATION);
    if (peer === null) counters.add(COUNT['no-route']);
    return peer;
  }

  /**
   * Seals one inner packet: padding is written behind it in `source` (15 bytes at most, put back after), header, ciphertext
   * and tag to `target`. Returns the datagram's length, or 0 when the peer has no usable session or endpoint: then `stage`.
   */
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

  /** Copies a packet to wait for a session, and starts a handshake if that is due. */
  stage(peer: Peer, buffer: PacketBuffer, offset: number, length: number, now: number): void {
    this.outbound.stage(peer, buffer, offset, length, now);
  }

  /** To be called after `count` sealed packets, `bytes` of datagrams in all, went to the network. */
  sealed(peer: Peer, count: number, bytes: number, now: number): void {
    if (count > 0) this.outbound.sealed(peer, bytes, now);
  }

  /**
   * Opens one transport data message (type 4, at least 32 bytes) into `target`, which needs room for length - 32 bytes. The
   * length of the inner packet at `targetOffset`, or 0 for a keepalive and for what was dropped and counted.
   */
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

  /** Whose message `open` last found authentic; null if it was not. */
  get openedPeer(): Peer | null {
    return this.inbound.openedPeer;
  }

  /** Removes every peer and wipes all keys. The device does nothing more. */
  close(): void {
    this.configurator.removeAll();
    this.state.cookies.close();
    if (this.state.own !== null) forgetIdentity(this.state.own);
    this.state.own = null;
  }
}
