import type { FollowerReport } from './follower-updates.ts';
import type { PacketBuffer } from './packet-buffer.ts';
import type { UdpAddress } from './udp-address.ts';

/** A peer, as a driver's loop knows it. */
export interface Destination {
  /** Where its datagrams go; null while that is not known. Changed in place when the peer roams. */
  readonly endpoint: UdpAddress | null;
}

/**
 * What a driver's loop moves packets through: the device itself in a tunnel's first worker, a follower in the others. Times
 * are monotonic milliseconds, the same clock in all workers.
 */
export interface DataPath {
  /** The peer that an inner packet goes to by its destination, or null: then `unrouted`. */
  route(buffer: PacketBuffer, offset: number, length: number): Destination | null;
  /**
   * Takes an inner packet that has no peer: one for a multicast group, or a broadcast, goes to every peer that is to have them;
   * whatever else it is is dropped and counted. The 15 bytes behind it must exist, as for `seal`.
   */
  unrouted(buffer: PacketBuffer, offset: number, length: number, now: number): void;
  /**
   * Seals one inner packet: padding is written behind it in `source` (15 bytes at most, put back after), header, ciphertext
   * and tag to `target`. Returns the datagram's length, or 0 when it cannot go out now: then `stage`.
   */
  seal(
    peer: Destination,
    source: PacketBuffer,
    sourceOffset: number,
    length: number,
    target: PacketBuffer,
    targetOffset: number,
    now: number,
  ): number;
  /** Copies a packet to wait for a session, and sees to it that there will be one. */
  stage(peer: Destination, buffer: PacketBuffer, offset: number, length: number, now: number): void;
  /** To be called after `count` sealed packets, `bytes` of datagrams in all, went to the network. */
  sealed(peer: Destination, count: number, bytes: number, now: number): void;
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
  ): number;
  /** Takes one UDP datagram of any kind; an inner packet in it goes to the sink. */
  datagramFromNetwork(
    buffer: PacketBuffer,
    offset: number,
    length: number,
    source: UdpAddress,
    now: number,
  ): void;
  /** When `advance` is to be called next; Infinity if never. May come earlier than there is something to do. */
  nextDeadline(): number;
  advance(now: number): void;
}

/** What a driver runs in a tunnel's first worker: the device, or the device and what finds ways to its peers. */
export interface TunnelDevice extends DataPath {
  setMtu(mtu: number): void;
  /**
   * Takes one inner packet from the tunnel. The 15 bytes behind it must exist in the buffer; they are used for padding and
   * put back.
   */
  packetFromTunnel(buffer: PacketBuffer, offset: number, length: number, now: number): void;
  /** Takes what one of the followers reports; peers and sessions that are gone by now are no error. */
  report(report: FollowerReport, now: number): void;
}
