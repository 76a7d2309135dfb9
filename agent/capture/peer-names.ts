import { parseIp } from '../../shared/ip.ts';
import { type Prefix, parsePrefix, prefixContains } from '../../shared/prefix.ts';

/** What is needed of a node to name its packets. */
export interface NamedPeer {
  name: string;
  addresses: readonly string[];
  /** CIDRs. */
  allowedIps: readonly string[];
}

/** Whose an address is, by the longest prefix, as the tunnel decides it. */
export class PeerNames {
  readonly #prefixes: { prefix: Prefix; name: string }[];
  readonly #peers: readonly NamedPeer[];
  /** Answers, by address as text: a few addresses have nearly all packets. */
  readonly #known = new Map<string, string | null>();

  constructor(peers: readonly NamedPeer[]) {
    this.#peers = peers;
    this.#prefixes = peers
      .flatMap(({ name, allowedIps }) => allowedIps.map((cidr) => ({ prefix: parsePrefix(cidr), name })))
      .filter((entry): entry is { prefix: Prefix; name: string } => entry.prefix !== null)
      .sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /** The peer's name; null if the address is nobody's. */
  of(address: Uint8Array): string | null {
    const key = address.join();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const name = this.#prefixes.find(({ prefix }) => prefixContains(prefix, address))?.name ?? null;
    this.#known.set(key, name);
    return name;
  }

  /** All addresses with the names of their nodes, but not those of networks behind them. */
  *entries(): Generator<readonly [address: Uint8Array, name: string]> {
    for (const { name, addresses } of this.#peers) {
      for (const text of addresses) {
        const address = parseIp(text);
        if (address !== null) yield [address, name];
      }
    }
  }
}
