/** What the core reads of the IP packets inside the tunnel: version, length, and where the addresses are. */

export const IPV4_HEADER = 20;
export const IPV6_HEADER = 40;
export const IPV4_SOURCE = 12;
export const IPV4_DESTINATION = 16;
export const IPV6_SOURCE = 8;
export const IPV6_DESTINATION = 24;

/** Membership reports (RFC 3376; RFC 3810 behind a hop-by-hop header) are for a link's router, and the mesh has none. */
const IGMP = 2;
const HOP_BY_HOP = 0;

/** 4 or 6 if the packet has that version and at least its fixed header, otherwise 0. */
export function ipVersion(view: DataView, offset: number, length: number): number {
  if (length < IPV4_HEADER) return 0;
  const version = view.getUint8(offset) >>> 4;
  if (version === 4) return 4;
  return version === 6 && length >= IPV6_HEADER ? 6 : 0;
}

/** The length that an IP header gives, or 0 if it is less than a header or more than the `length` bytes there are. */
export function ipLength(view: DataView, offset: number, length: number, version: number): number {
  const said = version === 4 ? view.getUint16(offset + 2) : view.getUint16(offset + 4) + IPV6_HEADER;
  return said <= length && said >= (version === 4 ? IPV4_HEADER : IPV6_HEADER) ? said : 0;
}

/**
 * Whether a packet goes to everybody: to 224.0.0.0/4, 255.255.255.255 or ff00::/8, but for reports of membership. The version is
 * that of `ipVersion`.
 */
export function isForGroup(view: DataView, offset: number, version: number): boolean {
  if (version === 6) {
    return view.getUint8(offset + IPV6_DESTINATION) === 0xff && view.getUint8(offset + 6) !== HOP_BY_HOP;
  }
  const destination = view.getUint32(offset + IPV4_DESTINATION);
  const isGroup = destination >>> 28 === 14 || destination === 0xffff_ffff;
  return isGroup && view.getUint8(offset + 9) !== IGMP;
}
