/** What the core reads of the IP packets inside the tunnel: version, length, and where the addresses are. */

export const IPV4_HEADER = 20;
export const IPV6_HEADER = 40;
export const IPV4_SOURCE = 12;
export const IPV4_DESTINATION = 16;
export const IPV6_SOURCE = 8;
export const IPV6_DESTINATION = 24;

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
