import { isIPv4, isIPv6 } from 'node:net';

/** An IP address as its bytes in network order: 4 for IPv4, 16 for IPv6. */
export type IpBytes = Uint8Array;

/** The bytes of an address in text form, or null. Zone identifiers and shorthand like `10.1` are refused. */
export function parseIp(text: string): IpBytes | null {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return null;
  return parseIpv6(text);
}

/** The canonical text of an address (RFC 5952 for IPv6). */
export function formatIp(bytes: IpBytes): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] as number) << 8) | (bytes[i + 1] as number));
  const zeros = longestZeroRun(groups);
  if (zeros === null) return groups.map((group) => group.toString(16)).join(':');
  const head = groups.slice(0, zeros.start).map((group) => group.toString(16));
  const tail = groups.slice(zeros.start + zeros.length).map((group) => group.toString(16));
  return `${head.join(':')}::${tail.join(':')}`;
}

/** The canonical spelling of an address in text form, or null if it is none. */
export function canonicalIp(text: string): string | null {
  const bytes = parseIp(text);
  return bytes === null ? null : formatIp(bytes);
}

/** The IPv4 address in an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2), as sockets for both families show it; others as they are. */
export function unmappedIp(bytes: IpBytes): IpBytes {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return bytes;
  return bytes.subarray(0, 10).every((byte) => byte === 0) ? bytes.slice(12) : bytes;
}

/** Negative, zero or positive as `a` sorts before, with or after `b`; IPv4 before IPv6. */
export function compareIp(a: IpBytes, b: IpBytes): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function parseIpv6(text: string): IpBytes {
  const bytes = new Uint8Array(16);
  let body = text;
  // RFC 4291 2.2.3: the last 32 bits may be written as an IPv4 address.
  const dotted = body.lastIndexOf(':') + 1;
  if (body.includes('.')) {
    const [a = 0, b = 0, c = 0, d = 0] = body.slice(dotted).split('.').map(Number);
    body = `${body.slice(0, dotted)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = '', tail] = body.split('::');
  const groupsOf = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const first = groupsOf(head);
  const last = tail === undefined ? [] : groupsOf(tail);
  first.forEach((group, index) => {
    bytes[index * 2] = group >> 8;
    bytes[index * 2 + 1] = group;
  });
  last.forEach((group, index) => {
    const at = 16 - (last.length - index) * 2;
    bytes[at] = group >> 8;
    bytes[at + 1] = group;
  });
  return bytes;
}

function longestZeroRun(groups: number[]): { start: number; length: number } | null {
  let best: { start: number; length: number } | null = null;
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length >= 2 && (best === null || length > best.length)) best = { start, length };
    if (length > 0) start += length;
  }
  return best;
}
