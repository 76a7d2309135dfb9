import { addressKey } from '../paths/candidate.ts';
import { OWN_SOCKET } from '../paths/path.ts';
import type { ChosenPath } from '../paths/path-sink.ts';
import { isRelay, relaySlot } from '../paths/relay-address.ts';
import type { PacketBuffer } from '../wireguard/packet-buffer.ts';
import type { UdpAddress } from '../wireguard/udp-address.ts';
import type { Driver } from './driver.ts';
import type { PathPeers } from './path-peers.ts';

/** Takes datagrams of `segmentSize` bytes but the last, for the relay to bring to the peer. The bytes are the caller's again after. */
export type ToRelay = (publicKey: Uint8Array, bytes: Uint8Array, segmentSize: number) => void;

/** By which way datagrams leave: the tunnel's own socket, another one of this host's, or the relay. */
export class DatagramWays {
  readonly #driver: Driver;
  readonly #peers: PathPeers;
  readonly #toRelay: ToRelay;
  readonly #buffer: PacketBuffer;
  /** The sockets of paths that are not the tunnel's own, by the peer's address; nearly always empty. */
  readonly #sideRoutes = new Map<string, number>();
  /** By slot. */
  readonly #sideRouteOf = new Map<number, string>();
  /** A probe is being sent by the tunnel's own socket, whatever way datagrams to that address go. */
  #isOwnProbe = false;

  /** `bufferLength`: the longest probe and question to a STUN server, bytes. */
  constructor(driver: Driver, peers: PathPeers, bufferLength: number, toRelay: ToRelay) {
    this.#driver = driver;
    this.#peers = peers;
    this.#toRelay = toRelay;
    this.#buffer = driver.createBuffer(bufferLength);
    driver.diversion = (target, buffer, offset, length, size) =>
      this.#divert(target, buffer, offset, length, size);
  }

  /** Datagrams to a peer go by the socket of this path from now on; null: by relay. Whether that is not the tunnel's own. */
  use(slot: number, path: ChosenPath | null): boolean {
    this.forget(slot);
    if (path === null) return true;
    if (path.socket === OWN_SOCKET) return false;
    const key = addressKey(path.address);
    this.#sideRoutes.set(key, path.socket);
    this.#sideRouteOf.set(slot, key);
    return true;
  }

  /** The peer is no more. */
  forget(slot: number): void {
    const key = this.#sideRouteOf.get(slot);
    if (key === undefined) return;
    this.#sideRouteOf.delete(slot);
    this.#sideRoutes.delete(key);
  }

  /** Sends one datagram by that socket, whatever way others to the address go. */
  send(socket: number, target: UdpAddress, bytes: Uint8Array): void {
    this.#buffer.bytes.set(bytes);
    if (socket !== OWN_SOCKET) {
      this.#driver.sideSockets?.send(socket, target, this.#buffer, 0, bytes.length, bytes.length);
      return;
    }
    this.#isOwnProbe = true;
    this.#driver.sendDatagram(target, this.#buffer, 0, bytes.length);
    this.#isOwnProbe = false;
  }

  /** Sends one datagram to a peer by relay. */
  relay(slot: number, bytes: Uint8Array): void {
    const publicKey = this.#peers.keyOf(slot);
    if (publicKey !== undefined) this.#toRelay(publicKey, bytes, bytes.length);
  }

  /** At most `count` sockets beside the tunnel's own; as many as the system gives. */
  openSockets(count: number): number[] {
    return this.#driver.sideSockets?.open(count) ?? [];
  }

  closeSocket(socket: number): void {
    this.#driver.sideSockets?.close(socket);
  }

  #divert(target: UdpAddress, buffer: PacketBuffer, offset: number, length: number, size: number): boolean {
    if (this.#isOwnProbe) return false;
    if (isRelay(target)) {
      const publicKey = this.#peers.keyOf(relaySlot(target));
      if (publicKey !== undefined)
        this.#toRelay(publicKey, buffer.bytes.subarray(offset, offset + length), size);
      return true;
    }
    if (this.#sideRoutes.size === 0) return false;
    const socket = this.#sideRoutes.get(addressKey(target));
    if (socket === undefined) return false;
    this.#driver.sideSockets?.send(socket, target, buffer, offset, length, size);
    return true;
  }
}
