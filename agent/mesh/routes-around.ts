import { type IpBytes, parseIp } from '../../shared/ip.ts';
import {
  formatPrefix,
  type Prefix,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
} from '../../shared/prefix.ts';

/** An address that must be reached past the tunnel, or there is no tunnel. */
export interface OutsideHost {
  address: string;
  /** `the coordinator`, for people. */
  what: string;
}

/** A route that would have to be cut around more addresses is not taken at all. */
const MOST_HOLES = 16;

/**
 * Routes that leave out what must be reached past the tunnel: those that hold such an address are taken in parts around it, so that
 * it stays with the host's own routes whatever these are. `connected`: networks of this host, which win for their part anyway.
 */
export function routesAround(
  routes: readonly string[],
  outside: readonly OutsideHost[],
  connected: readonly Prefix[],
): { routes: string[]; notes: string[] } {
  const notes: string[] = [];
  const hosts = outside.flatMap(({ address, what }) => {
    const bytes = parseIp(address);
    return bytes === null ? [] : [{ address, what, bytes }];
  });
  const around = routes.flatMap((cidr) => {
    const route = parsePrefix(cidr) as Prefix;
    const isConnected = (bytes: IpBytes) =>
      connected.some((each) => each.length >= route.length && prefixContains(each, bytes));
    const within = hosts.filter(({ bytes }) => prefixContains(route, bytes) && !isConnected(bytes));
    // Of several roles the first is told.
    const holes = [...new Map(within.toReversed().map((host) => [host.address, host])).values()].reverse();
    if (holes.length === 0) return [cidr];
    const names = holes.map(({ address, what }) => `${address} (${what})`).join(', ');
    if (holes.length > MOST_HOLES) {
      notes.push(`${cidr} holds ${holes.length} addresses without which there is no mesh: not routed`);
      return [];
    }
    const parts = holes.reduce(
      (left, { bytes }) => left.flatMap((part) => without(part, { bytes, length: bytes.length * 8 })),
      [route],
    );
    notes.push(
      parts.length === 0
        ? `${cidr} would cut off ${names}: not routed`
        : `${cidr} would cut off ${names}: routed but for that`,
    );
    return parts.map(formatPrefix);
  });
  return { routes: around, notes };
}

/** A block as those within it that hold nothing of another, the largest there are. */
export function without(block: Prefix, hole: Prefix): Prefix[] {
  if (!prefixesOverlap(block, hole)) return [block];
  const parts: Prefix[] = [];
  for (let length = block.length + 1; length <= hole.length; length++) {
    const bytes = hole.bytes.slice();
    const at = (length - 1) >> 3;
    bytes[at] = (bytes[at] as number) ^ (0x80 >> ((length - 1) & 7));
    // Bits behind are cleared by reading it anew.
    parts.push(parsePrefix(formatPrefix({ bytes, length })) as Prefix);
  }
  return parts;
}
