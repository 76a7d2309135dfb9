import dns from 'dns-packet';
import { TYPES } from './question.ts';

/**
 * The addresses that the names of coordinator, relays and STUN servers had when they were last resolved: they are tried when no
 * resolver can be asked. TLS tells whether it is still the same host.
 */
export class LastKnown {
  readonly #byName: Map<string, { 1: string[]; 28: string[] }>;
  readonly #save: (kept: Record<string, string[]>) => void;

  /** `save` writes what is kept; it throws nothing. */
  constructor(kept: Readonly<Record<string, string[]>>, save: (kept: Record<string, string[]>) => void) {
    this.#byName = new Map(
      Object.entries(kept).map(([name, addresses]) => [
        name,
        {
          1: addresses.filter((address) => !address.includes(':')),
          28: addresses.filter((address) => address.includes(':')),
        },
      ]),
    );
    this.#save = save;
  }

  addresses(name: string): string[] {
    const known = this.#byName.get(name);
    return known === undefined ? [] : [...known[1], ...known[28]];
  }

  /** Addresses of one type, as they were just resolved. */
  keep(name: string, type: number, addresses: readonly string[]): void {
    if (type !== TYPES.A && type !== TYPES.AAAA) return;
    const before = this.#byName.get(name) ?? { 1: [], 28: [] };
    const sorted = [...addresses].sort();
    if (before[type].join() === sorted.join()) return;
    this.#byName.set(name, { ...before, [type]: sorted });
    this.#save(Object.fromEntries([...this.#byName.keys()].map((each) => [each, this.addresses(each)])));
  }
}

/** The addresses that an answer has, through aliases or not. */
export function addressesIn(message: Uint8Array): string[] {
  try {
    const { answers = [] } = dns.decode(Buffer.from(message));
    return answers.flatMap((answer) => (answer.type === 'A' || answer.type === 'AAAA' ? [answer.data] : []));
  } catch {
    return [];
  }
}
