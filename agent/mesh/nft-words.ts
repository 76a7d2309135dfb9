/** Words of nft(8) that its scripts have in common. */

/** What differs between the families. */
export const FAMILIES = [
  { family: 4, ip: 'ip', type: 'ipv4_addr', groups: ['224.0.0.0/4', '255.255.255.255'] },
  { family: 6, ip: 'ip6', type: 'ipv6_addr', groups: ['ff00::/8'] },
] as const;
export type Family = (typeof FAMILIES)[number];

/** How nftables calls the family of a CIDR. */
export function ipOf(cidr: string): Family['ip'] {
  return cidr.includes(':') ? 'ip6' : 'ip';
}

/** Lines of a chain. */
export function indented(lines: readonly string[]): string {
  return lines.map((line) => `    ${line}\n`).join('');
}

/** A set of one is dearer to the kernel than that one. */
export function oneOf(items: readonly (string | number)[]): string {
  return items.length === 1 ? String(items[0]) : `{ ${items.join(', ')} }`;
}

/** Both ends belong to it. */
export function range<T extends string | number>(first: T, last: T): string {
  return first === last ? String(first) : `${first}-${last}`;
}
