import { IPV6_HEADER } from '../../wireguard/inner-packet.ts';

/** The first half of the golden ratio's bits: spreads differences in low bits over all. */
const SPREAD = 0x9e3779b1;
/** The bits of flags and offset that make an IPv4 packet a fragment: it has no ports then, or they are of no use. */
const FRAGMENT = 0x3fff;

/**
 * A number from 0 to `count` - 1 for the flow of an IP packet, the same for both directions. Packets of one flow must stay
 * with one worker, or they would overtake each other.
 */
export function flowOf(view: DataView, offset: number, length: number, count: number): number {
  let hash = 0;
  let ports = 0;
  let protocol = 0;
  if (view.getUint8(offset) >>> 4 === 4) {
    hash = view.getInt32(offset + 12) ^ view.getInt32(offset + 16);
    protocol = view.getUint8(offset + 9);
    ports = (view.getUint16(offset + 6) & FRAGMENT) === 0 ? (view.getUint8(offset) & 15) * 4 : 0;
  } else if (length >= IPV6_HEADER) {
    for (let i = 8; i < IPV6_HEADER; i += 4) hash ^= view.getInt32(offset + i);
    protocol = view.getUint8(offset + 6);
    ports = IPV6_HEADER;
  }
  if (ports > 0 && (protocol === 6 || protocol === 17) && length >= ports + 4) {
    hash ^= view.getUint16(offset + ports) ^ view.getUint16(offset + ports + 2);
  }
  return ((Math.imul(hash, SPREAD) >>> 16) * count) >>> 16;
}
