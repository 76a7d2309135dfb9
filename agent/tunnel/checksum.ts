/**
 * The Internet checksum (RFC 1071). Sums are folded to 16 bits, small integers that cost no memory to hand on, and are in
 * the byte order of this machine's little-endian loads; RFC 1071 2(B) lets the order of bytes be fixed at the end.
 */

/**
 * The sum of `length` bytes, zero padded, as a one's complement number of 16 bits. Inside, words are added in doubles, which
 * hold the sum of 2^21 of them exactly.
 */
export function sum(view: DataView, offset: number, length: number): number {
  let at = offset;
  const block = offset + (length & ~15);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (; at < block; at += 16) {
    a += view.getUint32(at, true);
    b += view.getUint32(at + 4, true);
    c += view.getUint32(at + 8, true);
    d += view.getUint32(at + 12, true);
  }
  const words = offset + (length & ~3);
  for (; at < words; at += 4) a += view.getUint32(at, true);
  const rest = length & 3;
  if (rest > 0) {
    b += view.getUint8(at);
    if (rest > 1) b += view.getUint8(at + 1) * 0x100;
    if (rest > 2) b += view.getUint8(at + 2) * 0x10000;
  }
  const total = a + b + c + d;
  const low = total >>> 0;
  const high = (total - low) / 0x1_0000_0000;
  return fold((low & 0xffff) + (low >>> 16) + (high & 0xffff));
}

/** What a 16-bit field in network order adds to a sum. */
export function swapped(value: number): number {
  return ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
}

/** Folds what was added up of 16-bit sums, below 2^31, to 16 bits. */
export function fold(total: number): number {
  const folded = (total & 0xffff) + (total >>> 16);
  return (folded & 0xffff) + (folded >>> 16);
}

/** The checksum of what was added up of 16-bit sums: to be stored little endian. */
export function checksum(total: number): number {
  return ~fold(total) & 0xffff;
}

/**
 * The sum of the pseudo-header, to be folded: addresses (IPv4 at 12, IPv6 at 8 of the header), protocol and length (RFC 793
 * 3.1, RFC 8200 8.1).
 */
export function pseudoHeaderSum(
  view: DataView,
  ip: number,
  isIpv6: boolean,
  protocol: number,
  length: number,
): number {
  const addresses = isIpv6 ? sum(view, ip + 8, 32) : sum(view, ip + 12, 8);
  return addresses + swapped(protocol) + swapped(length);
}
