import type { DataPath, Destination } from '../../wireguard/data-path.ts';
import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';
import type { UdpAddress } from '../../wireguard/udp-address.ts';
import { NOT_ECT } from './ecn.ts';
import { nativeBuffer } from './memory.ts';
import { MAX_SEGMENTS, MAX_SEND } from './udp.ts';

/** The longest transport message of one inner packet. */
const MAX_DATAGRAM = 65_535 + 16 + 32;
const SIZE = 2 * MAX_DATAGRAM;

type Send = (
  target: UdpAddress,
  buffer: PacketBuffer,
  offset: number,
  length: number,
  segmentSize: number,
  ecn: number,
) => void;

/**
 * Sealed datagrams to one peer that one system call can send: all of one size but the last, which may be shorter
 * (UDP_SEGMENT). Datagrams are sealed right where they are sent from.
 */
export class DatagramBatch {
  readonly buffer = nativeBuffer(SIZE);
  /** Where the next datagram is to be sealed to. */
  end = 0;

  readonly #send: Send;
  #peer: Destination | null = null;
  #start = 0;
  #count = 0;
  #segmentSize = 0;
  #ecn = NOT_ECT;
  #closed = false;

  constructor(send: Send) {
    this.#send = send;
  }

  /** Makes room at `end` for the next datagram, which is for `peer` and whose outer header is to have these ECN bits. */
  prepare(path: DataPath, peer: Destination, ecn: number, now: number): void {
    if (this.#count > 0 && (this.#peer !== peer || this.#ecn !== ecn)) this.flush(path, now);
    if (this.end + MAX_DATAGRAM > SIZE) this.flush(path, now);
    this.#peer = peer;
    this.#ecn = ecn;
  }

  /** Takes the datagram of `length` bytes that was sealed at `end`. */
  append(path: DataPath, peer: Destination, length: number, now: number): void {
    const bytes = this.end - this.#start;
    if (
      this.#count > 0 &&
      (this.#closed || length > this.#segmentSize || this.#count >= MAX_SEGMENTS || bytes + length > MAX_SEND)
    ) {
      this.#sendAll(path, now);
      this.#start = this.end;
      this.#peer = peer;
    }
    if (this.#count === 0) this.#segmentSize = length;
    this.#count++;
    this.end += length;
    this.#closed = length < this.#segmentSize;
  }

  /** Sends what there is and begins anew. */
  flush(path: DataPath, now: number): void {
    this.#sendAll(path, now);
    this.#start = 0;
    this.end = 0;
  }

  #sendAll(path: DataPath, now: number): void {
    const peer = this.#peer;
    const bytes = this.end - this.#start;
    const count = this.#count;
    this.#count = 0;
    this.#closed = false;
    if (peer === null || count === 0 || peer.endpoint === null) return;
    this.#send(peer.endpoint, this.buffer, this.#start, bytes, this.#segmentSize, this.#ecn);
    path.sealed(peer, count, bytes, now);
  }
}
