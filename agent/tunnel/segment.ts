import { IPV4_HEADER, IPV6_HEADER } from '../wireguard/inner-packet.ts';
import type { PacketBuffer } from '../wireguard/packet-buffer.ts';
import { checksum, pseudoHeaderSum, sum, swapped } from './checksum.ts';
import {
  GSO_NONE,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_TYPE_MASK,
  GSO_UDP_L4,
  NEEDS_CSUM,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  VNET_HEADER_LENGTH,
} from './vnet-header.ts';

const MAX_HEADERS = 256;
const TCP_FIN = 0x01;
const TCP_PSH = 0x08;
const TCP_CWR = 0x80;

/**
 * Cuts what the kernel hands over on a TUN device with offloads into IP packets as they go on the wire: the virtio_net_hdr
 * says how. Segments are made in place, one after the other: each one's headers are written over the end of the payload
 * before it, which must have been used by then. Allocates nothing, and never writes outside the packet.
 */
export class Segmenter {
  readonly #headers = new DataView(new ArrayBuffer(MAX_HEADERS));
  #buffer: PacketBuffer | null = null;
  #isUdp = false;
  #isIpv6 = false;
  #ip = 0;
  #transport = 0;
  #headerLength = 0;
  #payloadLength = 0;
  #segmentPayload = 0;
  #done = 0;
  #sequence = 0;
  #identification = 0;
  #tcpFlags = 0;
  #ipSum = 0;
  #transportSum = 0;

  /** Where the packet that `next` made begins. */
  offset = 0;

  /**
   * Takes a virtio_net_hdr at `offset` and the packet behind it, `length` bytes in all. False if header or packet are not
   * what they should be; nothing was then changed.
   */
  begin(buffer: PacketBuffer, offset: number, length: number): boolean {
    this.#buffer = null;
    const { view } = buffer;
    const ip = offset + VNET_HEADER_LENGTH;
    const packet = length - VNET_HEADER_LENGTH;
    if (packet < IPV4_HEADER) return false;
    const type = view.getUint8(offset + 1) & GSO_TYPE_MASK;
    const start = view.getUint16(offset + 6, true);
    const field = start + view.getUint16(offset + 8, true);
    this.#ip = ip;
    this.#done = 0;
    if (type === GSO_NONE) {
      if ((view.getUint8(offset) & NEEDS_CSUM) !== 0) {
        if (start >= packet || field + 2 > packet || field < start) return false;
        // The field holds the pseudo-header's sum, which so becomes part of the whole.
        view.setUint16(
          ip + field,
          noZero(view, ip, checksum(sum(view, ip + start, packet - start)), field - start),
          true,
        );
      }
      this.#headerLength = packet;
      this.#payloadLength = 0;
      this.#segmentPayload = 0;
      this.#buffer = buffer;
      return true;
    }
    const segmentPayload = view.getUint16(offset + 4, true);
    if (segmentPayload === 0 || !this.#checkHeaders(view, ip, packet, type, start)) return false;
    this.#transport = start;
    this.#headerLength = start + (this.#isUdp ? 8 : (view.getUint8(ip + start + 12) >>> 4) * 4);
    this.#payloadLength = packet - this.#headerLength;
    this.#segmentPayload = segmentPayload;
    this.#sumHeaders(view, ip);
    this.#buffer = buffer;
    return true;
  }

  /** Makes the next packet at `offset` and gives its length, or 0 when there is none left. */
  next(): number {
    const buffer = this.#buffer;
    if (buffer === null) return 0;
    if (this.#segmentPayload === 0) {
      this.#buffer = null;
      this.offset = this.#ip;
      return this.#headerLength;
    }
    const left = this.#payloadLength - this.#done;
    const payload = Math.min(left, this.#segmentPayload);
    const isFirst = this.#done === 0;
    const isLast = payload === left;
    const length = this.#headerLength + payload;
    const at = this.#ip + this.#done;
    const { view } = buffer;
    this.offset = at;
    this.#putHeaders(view, at);
    if (this.#isIpv6) {
      view.setUint16(at + 4, length - IPV6_HEADER);
    } else {
      view.setUint16(at + 2, length);
      view.setUint16(at + 4, this.#identification);
      view.setUint16(at + 10, checksum(this.#ipSum + swapped(length) + swapped(this.#identification)), true);
      this.#identification = (this.#identification + 1) & 0xffff;
    }
    if (this.#isUdp) this.#finishUdp(view, at, payload);
    else this.#finishTcp(view, at, payload, isFirst, isLast);
    this.#done += payload;
    if (isLast) this.#buffer = null;
    return length;
  }

  #putHeaders(view: DataView, at: number): void {
    const headers = this.#headers;
    const length = this.#headerLength;
    let i = 0;
    for (; i + 4 <= length; i += 4) view.setUint32(at + i, headers.getUint32(i));
    for (; i < length; i++) view.setUint8(at + i, headers.getUint8(i));
  }

  /** Whether a superpacket's headers lie within it and are of the protocol that its type says. */
  #checkHeaders(view: DataView, ip: number, packet: number, type: number, start: number): boolean {
    const version = view.getUint8(ip) >>> 4;
    this.#isIpv6 = version === 6;
    this.#isUdp = type === GSO_UDP_L4;
    if (type === GSO_TCPV4 ? version !== 4 : type === GSO_TCPV6 ? version !== 6 : type !== GSO_UDP_L4)
      return false;
    const protocol = this.#isUdp ? PROTOCOL_UDP : PROTOCOL_TCP;
    if (version === 4) {
      if ((view.getUint8(ip) & 0x0f) * 4 !== start || start < IPV4_HEADER) return false;
      if (view.getUint8(ip + 9) !== protocol) return false;
    } else if (version !== 6 || start < IPV6_HEADER) {
      return false;
    }
    if (start + (this.#isUdp ? 8 : 20) > packet) return false;
    const transportHeader = this.#isUdp ? 8 : (view.getUint8(ip + start + 12) >>> 4) * 4;
    const headers = start + transportHeader;
    return (
      transportHeader >= 8 &&
      (this.#isUdp || transportHeader >= 20) &&
      headers < packet &&
      headers <= MAX_HEADERS
    );
  }

  /** Keeps the headers, with zeros where segments differ, and the sums of what they share. */
  #sumHeaders(view: DataView, ip: number): void {
    const headers = this.#headers;
    const transport = this.#transport;
    const length = this.#headerLength;
    for (let i = 0; i < length; i++) headers.setUint8(i, view.getUint8(ip + i));
    if (this.#isIpv6) {
      headers.setUint16(4, 0);
    } else {
      this.#identification = headers.getUint16(4);
      headers.setUint16(2, 0);
      headers.setUint16(4, 0);
      headers.setUint16(10, 0);
      this.#ipSum = sum(headers, 0, transport);
    }
    if (this.#isUdp) {
      headers.setUint16(transport + 4, 0);
      headers.setUint16(transport + 6, 0);
    } else {
      this.#sequence = headers.getUint32(transport + 4);
      this.#tcpFlags = headers.getUint8(transport + 13);
      headers.setUint32(transport + 4, 0);
      headers.setUint8(transport + 13, 0);
      headers.setUint16(transport + 16, 0);
    }
    const protocol = this.#isUdp ? PROTOCOL_UDP : PROTOCOL_TCP;
    this.#transportSum =
      pseudoHeaderSum(headers, 0, this.#isIpv6, protocol, 0) + sum(headers, transport, length - transport);
  }

  #finishTcp(view: DataView, at: number, payload: number, isFirst: boolean, isLast: boolean): void {
    const tcp = at + this.#transport;
    let flags = this.#tcpFlags;
    if (!isLast) flags &= ~(TCP_FIN | TCP_PSH);
    // RFC 3168 6.1.2: CWR tells of one reduction of the window, on the first segment after it.
    if (!isFirst) flags &= ~TCP_CWR;
    view.setUint32(tcp + 4, this.#sequence);
    view.setUint8(tcp + 13, flags);
    const transportLength = this.#headerLength - this.#transport + payload;
    const total =
      this.#transportSum +
      view.getUint16(tcp + 4, true) +
      view.getUint16(tcp + 6, true) +
      flags * 0x100 +
      swapped(transportLength) +
      sum(view, at + this.#headerLength, payload);
    view.setUint16(tcp + 16, checksum(total), true);
    this.#sequence = (this.#sequence + payload) >>> 0;
  }

  #finishUdp(view: DataView, at: number, payload: number): void {
    const udp = at + this.#transport;
    const length = 8 + payload;
    view.setUint16(udp + 4, length);
    // The length counts twice: in the pseudo-header and in the header.
    const total = this.#transportSum + 2 * swapped(length) + sum(view, at + this.#headerLength, payload);
    view.setUint16(udp + 6, checksum(total) || 0xffff, true);
  }
}

/** RFC 768: a UDP checksum that comes out as zero is sent as all ones, for zero means none. */
function noZero(view: DataView, ip: number, value: number, field: number): number {
  const protocol = view.getUint8(ip) >>> 4 === 4 ? view.getUint8(ip + 9) : view.getUint8(ip + 6);
  return value === 0 && field === 6 && protocol === PROTOCOL_UDP ? 0xffff : value;
}
