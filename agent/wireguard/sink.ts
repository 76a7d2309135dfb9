import type { PacketBuffer } from './packet-buffer.ts';
import type { UdpAddress } from './udp-address.ts';

/**
 * Where the core puts what it produces. Calls happen inside the verb that caused them; buffers and addresses belong to the
 * core and are good only until the call returns.
 */
export interface Sink {
  /** One datagram for the network. */
  datagram(target: UdpAddress, buffer: PacketBuffer, offset: number, length: number): void;
  /** One authenticated inner packet for the tunnel. */
  packet(buffer: PacketBuffer, offset: number, length: number): void;
  event(event: DeviceEvent): void;
}

/** What the owner of a device may want to act on or to log. Never on the path of single packets. */
export type DeviceEvent =
  | { kind: 'handshake-completed'; publicKey: Uint8Array }
  /** REKEY_ATTEMPT_TIME passed without an answer. */
  | { kind: 'handshake-given-up'; publicKey: Uint8Array }
  | { kind: 'endpoint-changed'; publicKey: Uint8Array; address: Uint8Array; port: number }
  /** An authentic message came from elsewhere than where path discovery has this peer's datagrams sent; told once per change. */
  | { kind: 'heard-from'; publicKey: Uint8Array; address: Uint8Array; port: number }
  /** The newest TAI64N (12 bytes) sent in an initiation; to be kept on disk so that a clock set back blocks nothing. */
  | { kind: 'timestamp-sent'; timestamp: Uint8Array };
