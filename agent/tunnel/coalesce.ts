import { IPV4_HEADER, IPV6_HEADER } from '../wireguard/inner-packet.ts';
import type { PacketBuffer } from '../wireguard/packet-buffer.ts';
import { checksum, fold, pseudoHeaderSum, sum } from './checksum.ts';
import {
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
  NEEDS_CSUM,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  VNET_HEADER_LENGTH,
} from './vnet-header.ts';

/** The largest superpacket: what an IPv4 header can say. */
const MAX_SUPERPACKET = 65_535;
/** The kernel's limit on segments of one UDP superpacket. */
const MAX_UDP_SEGMENTS = 64;
/** Headers that a packet to be merged can have: IPv4 without options or IPv6, and a TCP header with all options. */
const MAX_HEADERS = IPV6_HEADER + 60;
const BASE = 16;
/** A packet that does not merge waits here while what is held goes out. */
const SPARE = BASE + MAX_SUPERPACKET + 4096;
const SIZE = SPARE + MAX_SUPERPACKET + 4096;

const TCP_ACK = 0x10;
const TCP_PSH = 0x08;
const IPV4_DF_ONLY = 0x4000;

/**
 * Joins consecutive packets of one flow into a superpacket for the kernel (generic receive offload), by the rules that
 * wireguard-go and the kernel's own GRO keep to. A packet is opened where its payload would have to lie if it merges; the
 * few bytes of payload that its headers cover there are kept aside. So merging copies nothing. At most one superpacket is
 * held, and `flush` after every batch means that nothing waits.
 */
export class Coalescer {
  readonly buffer: PacketBuffer;
  readonly #write: (offset: number, length: number) => void;
  readonly #mergeTcp: boolean;
  readonly #mergeUdp: boolean;
  readonly #saved = new DataView(new ArrayBuffer(MAX_HEADERS + 4));

  /** Where the packet in hand is opened to. */
  #place = BASE;
  /** What is held, from BASE: bytes of the superpacket, 0 for nothing. */
  #held = 0;
  #segments = 0;
  #headerLength = 0;
  #transport = 0;
  #isUdp = false;
  #isIpv6 = false;
  #segmentPayload = 0;
  #nextSequence = 0;
  /** A short segment or PSH was the last that the superpacket may have. */
  #closed = false;

  /** `write` hands `length` bytes at `offset` of `buffer`, virtio_net_hdr first, to the kernel. */
  constructor(
    createBuffer: (length: number) => PacketBuffer,
    offloads: { tso: boolean; uso: boolean },
    write: (offset: number, length: number) => void,
  ) {
    this.buffer = createBuffer(SIZE);
    this.#mergeTcp = offloads.tso;
    this.#mergeUdp = offloads.uso;
    this.#write = write;
  }

  /** Where in `buffer` to open the next packet, of at most `room` bytes. Follow it by `commit` or `abandon`. */
  place(room: number): number {
    if (this.#held > 0 && (this.#closed || this.#held + room > MAX_SUPERPACKET)) this.flush();
    if (this.#held === 0) {
      this.#place = BASE;
    } else {
      this.#place = BASE + this.#held - this.#headerLength;
      this.#keepAside();
    }
    return this.#place;
  }

  /** Nothing usable came to the place. */
  abandon(): void {
    if (this.#held > 0) this.#putBack();
  }

  /** A packet of `length` bytes stands at the place. */
  commit(length: number): void {
    if (this.#held > 0) {
      if (this.#tryMerge(length)) return;
      const { bytes } = this.buffer;
      bytes.copyWithin(SPARE, this.#place, this.#place + length);
      this.#putBack();
      this.flush();
      bytes.copyWithin(BASE, SPARE, SPARE + length);
    }
    this.#hold(length);
  }

  /** Hands over what is held. */
  flush(): void {
    const held = this.#held;
    if (held === 0) return;
    this.#held = 0;
    const header = BASE - VNET_HEADER_LENGTH;
    for (let i = 0; i < VNET_HEADER_LENGTH; i++) this.buffer.view.setUint8(header + i, 0);
    if (this.#segments > 1) this.#finish(held);
    this.#write(header, held + VNET_HEADER_LENGTH);
  }

  #keepAside(): void {
    const { view } = this.buffer;
    for (let i = 0; i < this.#headerLength; i += 4) this.#saved.setUint32(i, view.getUint32(this.#place + i));
  }

  #putBack(): void {
    const { view } = this.buffer;
    for (let i = 0; i < this.#headerLength; i += 4) view.setUint32(this.#place + i, this.#saved.getUint32(i));
  }

  /** Holds the packet at BASE; lets it go at once if nothing can follow it. */
  #hold(length: number): void {
    const { view } = this.buffer;
    this.#held = length;
    this.#segments = 1;
    this.#closed = true;
    const payload = this.#classify(view, BASE, length);
    if (payload > 0) {
      this.#segmentPayload = payload;
      this.#closed = false;
      if (!this.#isUdp) {
        const tcp = BASE + this.#transport;
        this.#nextSequence = (view.getUint32(tcp + 4) + payload) >>> 0;
        if ((view.getUint8(tcp + 13) & TCP_PSH) !== 0) this.#closed = true;
      }
    }
    if (this.#closed) this.flush();
  }

  /**
   * Looks at a packet: its payload's length if it is one that may merge, with headers noted in the fields; otherwise 0.
   * Its checksums must be right, for those of a superpacket are made anew and would hide that they were not.
   */
  #classify(view: DataView, at: number, length: number): number {
    if (length < IPV4_HEADER + 8) return 0;
    const version = view.getUint8(at) >>> 4;
    let protocol: number;
    if (version === 4) {
      if (view.getUint8(at) !== 0x45 || view.getUint16(at + 2) !== length) return 0;
      if ((view.getUint16(at + 6) & ~IPV4_DF_ONLY) !== 0) return 0;
      protocol = view.getUint8(at + 9);
      this.#transport = IPV4_HEADER;
      if (fold(sum(view, at, IPV4_HEADER)) !== 0xffff) return 0;
    } else {
      if (length < IPV6_HEADER + 8 || view.getUint16(at + 4) + IPV6_HEADER !== length) return 0;
      protocol = view.getUint8(at + 6);
      this.#transport = IPV6_HEADER;
    }
    this.#isIpv6 = version === 6;
    const transport = at + this.#transport;
    const transportLength = length - this.#transport;
    if (protocol === PROTOCOL_TCP && this.#mergeTcp) {
      if (transportLength < 20 || (view.getUint8(transport + 13) & ~TCP_PSH) !== TCP_ACK) return 0;
      this.#headerLength = this.#transport + (view.getUint8(transport + 12) >>> 4) * 4;
      if (this.#headerLength < this.#transport + 20) return 0;
      this.#isUdp = false;
    } else if (protocol === PROTOCOL_UDP && this.#mergeUdp) {
      if (view.getUint16(transport + 4) !== transportLength || view.getUint16(transport + 6) === 0) return 0;
      this.#headerLength = this.#transport + 8;
      this.#isUdp = true;
    } else {
      return 0;
    }
    if (length <= this.#headerLength) return 0;
    const total =
      pseudoHeaderSum(view, at, this.#isIpv6, protocol, transportLength) +
      sum(view, transport, transportLength);
    return fold(total) === 0xffff ? length - this.#headerLength : 0;
  }

  /** Whether the packet at the place continues what is held; if so it is part of it now. */
  #tryMerge(length: number): boolean {
    const { view } = this.buffer;
    const at = this.#place;
    const headerLength = this.#headerLength;
    const payload = length - headerLength;
    if (payload <= 0 || payload > this.#segmentPayload) return false;
    if (!this.#isUdp && view.getUint32(at + this.#transport + 4) !== this.#nextSequence) return false;
    if (!this.#sameFlow(view, at)) return false;
    if (this.#isUdp && this.#segments >= MAX_UDP_SEGMENTS) return false;
    // The headers are those of what is held, so classifying notes the same in the fields, unless it says no early; and
    // then what is held goes out next, by fields that did not change.
    if (this.#classify(view, at, length) !== payload) return false;
    const transport = this.#transport;
    const pushes = !this.#isUdp && (view.getUint8(at + transport + 13) & TCP_PSH) !== 0;
    this.#putBack();
    if (pushes) {
      const flags = BASE + transport + 13;
      view.setUint8(flags, view.getUint8(flags) | TCP_PSH);
    }
    this.#held += payload;
    this.#segments++;
    this.#nextSequence = (this.#nextSequence + payload) >>> 0;
    this.#closed = pushes || payload < this.#segmentPayload;
    return true;
  }

  /** Whether the headers at `at` are those held but for lengths, identification, sequence, PSH and checksums. */
  #sameFlow(view: DataView, at: number): boolean {
    if (this.#isIpv6) {
      // Version, class and flow label; next header and hop limit; addresses.
      if (view.getUint32(at) !== view.getUint32(BASE)) return false;
      if (view.getUint16(at + 6) !== view.getUint16(BASE + 6)) return false;
      for (let i = 8; i < IPV6_HEADER; i += 4) {
        if (view.getUint32(at + i) !== view.getUint32(BASE + i)) return false;
      }
    } else {
      // Version, header length and TOS; flags; TTL and protocol; addresses.
      if (view.getUint16(at) !== view.getUint16(BASE)) return false;
      if (view.getUint16(at + 6) !== view.getUint16(BASE + 6)) return false;
      if (view.getUint16(at + 8) !== view.getUint16(BASE + 8)) return false;
      // RFC 6864 4.1: with DF the identification means nothing; without, cutting again must give the one there was.
      const expected = (view.getUint16(BASE + 4) + this.#segments) & 0xffff;
      if ((view.getUint16(at + 6) & IPV4_DF_ONLY) === 0 && view.getUint16(at + 4) !== expected) return false;
      if (view.getUint32(at + 12) !== view.getUint32(BASE + 12)) return false;
      if (view.getUint32(at + 16) !== view.getUint32(BASE + 16)) return false;
    }
    const mine = BASE + this.#transport;
    const its = at + this.#transport;
    if (view.getUint32(its) !== view.getUint32(mine)) return false;
    if (this.#isUdp) return true;
    // Acknowledgement, header length, window, urgent pointer, and every option.
    if (view.getUint32(its + 8) !== view.getUint32(mine + 8)) return false;
    if (view.getUint8(its + 12) !== view.getUint8(mine + 12)) return false;
    if (view.getUint16(its + 14) !== view.getUint16(mine + 14)) return false;
    if (view.getUint16(its + 18) !== view.getUint16(mine + 18)) return false;
    const options = this.#headerLength - this.#transport;
    for (let i = 20; i < options; i += 4) {
      if (view.getUint32(its + i) !== view.getUint32(mine + i)) return false;
    }
    return true;
  }

  /** Completes the headers of a superpacket of several segments, whose checksum the kernel is to finish or skip. */
  #finish(length: number): void {
    const { view } = this.buffer;
    const header = BASE - VNET_HEADER_LENGTH;
    const transport = this.#transport;
    view.setUint8(header, NEEDS_CSUM);
    view.setUint8(header + 1, this.#isUdp ? GSO_UDP_L4 : this.#isIpv6 ? GSO_TCPV6 : GSO_TCPV4);
    view.setUint16(header + 2, this.#headerLength, true);
    view.setUint16(header + 4, this.#segmentPayload, true);
    view.setUint16(header + 6, transport, true);
    view.setUint16(header + 8, this.#isUdp ? 6 : 16, true);
    if (this.#isIpv6) {
      view.setUint16(BASE + 4, length - IPV6_HEADER);
    } else {
      view.setUint16(BASE + 2, length);
      view.setUint16(BASE + 10, 0);
      view.setUint16(BASE + 10, checksum(sum(view, BASE, IPV4_HEADER)), true);
    }
    const transportLength = length - transport;
    const protocol = this.#isUdp ? PROTOCOL_UDP : PROTOCOL_TCP;
    const partial = fold(pseudoHeaderSum(view, BASE, this.#isIpv6, protocol, transportLength));
    if (this.#isUdp) view.setUint16(BASE + transport + 4, transportLength);
    view.setUint16(BASE + transport + (this.#isUdp ? 6 : 16), partial, true);
  }
}
