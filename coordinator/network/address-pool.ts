import { WarrenError } from '../../shared/errors.ts';
import { formatIp, type IpBytes } from '../../shared/ip.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../../shared/prefix.ts';
import type { Random } from '../../shared/random.ts';
import { overlapsSpecialRange } from '../../shared/special-ranges.ts';

/** CGNAT space (RFC 6598): seldom in use on a host's own links. */
export const DEFAULT_PREFIX4 = '100.64.0.0/10';

/** Shortest and longest IPv4 range that is taken: from sixteen million hosts down to six. */
const SHORTEST = 8;
const LONGEST = 29;

/**
 * How addresses are counted. A node has a slot, a number from 1 to the capacity; both of its addresses are the range's
 * base plus the slot. Slots are handed out in order; those of removed nodes come again only when the range has been
 * walked through, the one that was freed first before the others.
 */
export interface SlotState {
  /** Slots below it were all handed out at least once. */
  nextSlot: number;
  /** Of the slots given back the one that has been free longest, or null. */
  oldestFreed: number | null;
  capacity: number;
}

/** The slot for a new node, or null when every one is in use. */
export function chooseSlot(state: SlotState): number | null {
  return state.nextSlot <= state.capacity ? state.nextSlot : state.oldestFreed;
}

/** Hosts in an IPv4 range: all addresses but the first (the network) and the last (broadcast). */
export function slotCapacity(prefix4: Prefix): number {
  return 2 ** (32 - prefix4.length) - 2;
}

/** The address of a slot, 1 to 2^32 - 1, in a range of either family, as text. */
export function slotAddress(prefix: Prefix, slot: number): string {
  const bytes: IpBytes = prefix.bytes.slice();
  let rest = slot;
  for (let i = bytes.length - 1; rest > 0 && i >= 0; i--) {
    rest += bytes[i] as number;
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return formatIp(bytes);
}

/** Reads an IPv4 overlay range as `--network` takes it. Throws `usage`. */
export function parseNetworkPrefix4(text: string): Prefix {
  const prefix = parsePrefix(text);
  const refuse = (why: string) =>
    new WarrenError('usage', `${text} cannot be the network's range: ${why}`, {
      hint: `give an IPv4 CIDR such as ${DEFAULT_PREFIX4}`,
    });
  if (prefix === null || !text.includes('/')) throw refuse('it is not a CIDR');
  if (prefix.bytes.length !== 4) throw refuse('it is not IPv4 (the IPv6 range is made by itself)');
  if (formatPrefix(prefix) !== text) throw refuse(`it has host bits, ${formatPrefix(prefix)} has none`);
  if (prefix.length < SHORTEST || prefix.length > LONGEST) {
    throw refuse(`its length must be from /${SHORTEST} to /${LONGEST}`);
  }
  if (overlapsSpecialRange(prefix)) throw refuse('it holds loopback, link-local or multicast addresses');
  return prefix;
}

/** Reads an IPv6 overlay range: a canonical /48 to /96 of ULA space (RFC 4193). Throws `usage`. */
export function parseNetworkPrefix6(text: string): Prefix {
  const prefix = parsePrefix(text);
  const isUla = prefix?.bytes.length === 16 && ((prefix.bytes[0] as number) & 0xfe) === 0xfc;
  if (
    prefix === null ||
    !isUla ||
    formatPrefix(prefix) !== text ||
    prefix.length < 48 ||
    prefix.length > 96
  ) {
    throw new WarrenError('usage', `${text} cannot be the network's IPv6 range`, {
      hint: 'give a canonical CIDR within fc00::/7, from /48 to /96, such as fd12:3456:789a::/48',
    });
  }
  return prefix;
}

/** A random ULA /48 (RFC 4193 3.2: fd00::/8 and 40 random bits). */
export function randomPrefix6(random: Random): Prefix {
  const bytes = new Uint8Array(16);
  random.fill(bytes.subarray(1, 6));
  bytes[0] = 0xfd;
  return { bytes, length: 48 };
}
