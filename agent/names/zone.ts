import { parseIp } from '../../shared/ip.ts';
import { type Prefix, parsePrefix, prefixContains } from '../../shared/prefix.ts';
import type { NetworkMap } from '../mesh/network-map.ts';

/** Where a name belongs that this network is the authority for, and what it has. */
export interface ZoneEntry {
  /** The zone's topmost name, which has SOA and NS. */
  apex: string;
  /** Null where there is no such name (NXDOMAIN); empty where it has nothing itself (NODATA). */
  records: { addresses: readonly string[]; pointer: string | null } | null;
}

/** Without coordinator settings, as one of an earlier release sends them. */
export const DEFAULT_ZONE = 'warren';

/** The network's names: a pure function of the map. */
export class Zone {
  /** Lower-case, without dots at its ends. */
  readonly name: string;
  readonly #hosts = new Map<string, readonly string[]>();
  readonly #pointers = new Map<string, string>();
  readonly #prefixes: readonly Prefix[];

  /** `sees`: whose names are told, by node id; all of them by default. */
  constructor(map: NetworkMap, sees: (nodeId: string) => boolean = () => true) {
    this.name = (map.self.dns?.zone ?? DEFAULT_ZONE).toLowerCase();
    this.#prefixes = map.self.networkPrefixes.map((cidr) => parsePrefix(cidr) as Prefix);
    // Self last: a peer that claims its name or address does not get it.
    for (const { nodeId, name, addresses } of [...map.peers, map.self]) {
      if (!sees(nodeId)) continue;
      const full = `${name.toLowerCase()}.${this.name}`;
      this.#hosts.set(full, addresses);
      for (const address of addresses) {
        const bytes = parseIp(address);
        if (bytes !== null) this.#pointers.set(reverseName(bytes), full);
      }
    }
  }

  /** How many hosts have names. */
  get size(): number {
    return this.#hosts.size;
  }

  /** Null for a name that is not of this network. `name` is lower-case. */
  find(name: string): ZoneEntry | null {
    if (isWithin(name, this.name)) {
      if (name === this.name) return { apex: name, records: { addresses: [], pointer: null } };
      const addresses = this.#hosts.get(name);
      return { apex: this.name, records: addresses === undefined ? null : { addresses, pointer: null } };
    }
    return this.#findReverse(name);
  }

  /** The reverse zones of the overlay, on whole octets or nibbles: all that together hold it. */
  reverseZones(): string[] {
    return this.#prefixes.flatMap(({ bytes, length }) => {
      const unit = bytes.length === 4 ? 8 : 4;
      const labels = Math.ceil(length / unit);
      const variants = 2 ** (labels * unit - length);
      return Array.from({ length: variants }, (_, index) => {
        const address = Uint8Array.from(bytes);
        const bit = labels * unit;
        const last = (bit - 1) >> 3;
        address[last] = (address[last] as number) | (index << (7 - ((bit - 1) & 7)));
        return reverseName(address)
          .split('.')
          .slice(bytes.length === 4 ? 4 - labels : 32 - labels)
          .join('.');
      });
    });
  }

  #findReverse(name: string): ZoneEntry | null {
    const reverse = readReverse(name);
    if (reverse === null) return null;
    const { bytes, labels, unit } = reverse;
    const prefix = this.#prefixes.find(
      (each) =>
        each.bytes.length === bytes.length && labels * unit >= each.length && prefixContains(each, bytes),
    );
    if (prefix === undefined) return null;
    const surplus = labels - Math.ceil(prefix.length / unit);
    const apex = name
      .split('.')
      .slice(reverse.below + surplus)
      .join('.');
    const none = { addresses: [], pointer: null };
    if (reverse.below > 0) return { apex, records: null };
    const pointer = this.#pointers.get(name);
    if (pointer !== undefined) return { apex, records: { addresses: [], pointer } };
    // A name above others exists, though it has nothing itself (RFC 8020).
    const isAbove = surplus === 0 || [...this.#pointers.keys()].some((each) => each.endsWith(`.${name}`));
    return { apex, records: isAbove ? none : null };
  }
}

/** Whether a name is a domain or below it; both lower-case. */
export function isWithin(name: string, domain: string): boolean {
  return domain === '' || name === domain || name.endsWith(`.${domain}`);
}

/** In in-addr.arpa (RFC 1035 3.5) or ip6.arpa (RFC 3596 2.5). */
export function reverseName(address: Uint8Array): string {
  if (address.length === 4) return `${[...address].reverse().join('.')}.in-addr.arpa`;
  const nibbles = [...Buffer.from(address).toString('hex')].reverse();
  return `${nibbles.join('.')}.ip6.arpa`;
}

/** The address, filled with zeros, that a whole or partial reverse name stands for; `below`: labels under a whole address. */
function readReverse(
  name: string,
): { bytes: Uint8Array; labels: number; unit: number; below: number } | null {
  const four = name.endsWith('.in-addr.arpa');
  if (!four && !name.endsWith('.ip6.arpa')) return null;
  const parts = name.split('.').slice(0, -2).reverse();
  const most = four ? 4 : 32;
  const below = Math.max(0, parts.length - most);
  const own = parts.slice(0, most);
  if (four) {
    if (!own.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return null;
    const bytes = Uint8Array.from({ length: 4 }, (_, index) => Number(own[index] ?? 0));
    return { bytes, labels: own.length, unit: 8, below };
  }
  if (!own.every((part) => /^[0-9a-f]$/.test(part))) return null;
  const bytes = new Uint8Array(Buffer.from(own.join('').padEnd(32, '0'), 'hex'));
  return { bytes, labels: own.length, unit: 4, below };
}
