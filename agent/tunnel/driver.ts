import type { CreateTransportCipher } from '../wireguard/aead.ts';
import type { TunnelDevice } from '../wireguard/data-path.ts';
import type { Followers } from '../wireguard/followers.ts';
import type { PacketBuffer } from '../wireguard/packet-buffer.ts';
import type { UdpAddress } from '../wireguard/udp-address.ts';
import type { SocketChange, SocketSnapshot, TunnelFacts, TunnelOptions } from './commands.ts';

/**
 * What carries packets between the operating system and the protocol core: a TUN device, UDP sockets and an AEAD. One
 * driver serves one tunnel, inside the tunnel's worker thread. Both implementations pass test/system/driver-conformance.
 */
export interface Driver {
  readonly facts: TunnelFacts;
  readonly createCipher: CreateTransportCipher;
  /** The tunnel's other workers, which the device is to tell what they need. */
  readonly followers: Followers;
  /** Memory that this driver's ciphers and system calls can use; the device's own scratch buffers come from here too. */
  readonly createBuffer: (length: number) => PacketBuffer;
  /** Binds or rebinds the UDP sockets (IPv4 and IPv6 on one port). Throws WarrenError `in-use`; the old sockets then stay. */
  setSocket(change: SocketChange): void | Promise<void>;
  socket(): SocketSnapshot;
  /** Sends one datagram at once: handshakes, keepalives, packets that were staged. Errors are counted, not thrown. */
  sendDatagram(target: UdpAddress, buffer: PacketBuffer, offset: number, length: number): void;
  /** Asked before every send whether it takes the datagrams: for what goes by relay or by another socket. */
  diversion: Diversion | null;
  /** Further UDP sockets for a while; null where the driver has none. */
  readonly sideSockets: SideSockets | null;
  /** Hands one inner packet to the kernel. Errors are counted, not thrown. */
  writePacket(buffer: PacketBuffer, offset: number, length: number): void;
  /**
   * Moves packets both ways, runs the device's timers, and calls `commands.run` when the main thread asked for something,
   * until `commands.run` answers false (`requested`) or the interface is gone (`removed`). The Linux driver blocks its
   * thread in here; the portable one lives on the event loop.
   */
  run(device: TunnelDevice, commands: Commands): Promise<'requested' | 'removed'>;
  /** Closes everything; the TUN device goes with its last descriptor. */
  close(): void;
  /** Driver's own counters: offload fall-backs, malformed virtio headers, send errors, by name. */
  counters(): Record<string, number>;
}

/**
 * Takes datagrams to one target instead of the tunnel's own socket: `length` bytes at `offset`, datagrams of `segmentSize` but
 * the last. False for what is to be sent as ever. The buffer is good until the call returns.
 */
export type Diversion = (
  target: UdpAddress,
  buffer: PacketBuffer,
  offset: number,
  length: number,
  segmentSize: number,
) => boolean;

/** UDP sockets beside the tunnel's own, with ports of the system's choice and the tunnel's mark. */
export interface SideSockets {
  /** Opens at most `count`, IPv4, and tells their numbers, from 1; those that the system refuses are left out. */
  open(count: number): number[];
  close(socket: number): void;
  /** What cannot be sent is lost, no error. */
  send(
    socket: number,
    target: UdpAddress,
    buffer: PacketBuffer,
    offset: number,
    length: number,
    segmentSize: number,
  ): void;
  /** Called for every datagram that comes to one of them; the buffer is good until the call returns. */
  onDatagram: (
    socket: number,
    buffer: PacketBuffer,
    offset: number,
    length: number,
    source: UdpAddress,
  ) => void;
}

/** The queue of requests from the main thread. */
export interface Commands {
  /** An eventfd that is readable when there is something to run; -1 where the driver listens on the event loop instead. */
  readonly wakeDescriptor: number;
  /** Called by event-loop drivers to hear of requests. */
  onWake(listener: () => void): void;
  /** Runs all waiting requests. False when the last of them was `close`. */
  run(): boolean | Promise<boolean>;
}

/** What a driver tells its owner by itself. */
export interface DriverHooks {
  /** Links, addresses or routes of the host changed; called often when much changes. */
  networkChanged(): void;
}

export type OpenDriver = (options: TunnelOptions, hooks: DriverHooks) => Promise<Driver>;
