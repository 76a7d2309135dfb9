import { networkInterfaces } from 'node:os';

/** How long what the system said of its interfaces is believed, milliseconds. */
const LIFETIME = 5_000;

/**
 * Zones of link-local IPv6 addresses: a number in WireGuard and the kernel, an interface's name in node:dgram, which takes a
 * number too, and then sends to whatever interface comes first.
 */
export class Zones {
  readonly #interfaces: typeof networkInterfaces;
  readonly #now: () => number;
  readonly #nameOf = new Map<number, string>();
  readonly #indexOf = new Map<string, number>();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(interfaces = networkInterfaces, now: () => number = () => performance.now()) {
    this.#interfaces = interfaces;
    this.#now = now;
  }

  /** The interface with this index, or null when it has no link-local address. */
  name(index: number): string | null {
    this.#read();
    return this.#nameOf.get(index) ?? null;
  }

  /** The index of the interface of this name, or 0 (no zone) when it has no link-local address. */
  index(name: string): number {
    this.#read();
    return this.#indexOf.get(name) ?? 0;
  }

  #read(): void {
    const now = this.#now();
    if (now - this.#readAt < LIFETIME) return;
    this.#readAt = now;
    this.#nameOf.clear();
    this.#indexOf.clear();
    for (const [name, addresses] of Object.entries(this.#interfaces())) {
      const scope = addresses?.find((address) => address.family === 'IPv6' && address.scopeid !== 0)?.scopeid;
      if (scope === undefined) continue;
      this.#nameOf.set(scope, name);
      this.#indexOf.set(name, scope);
    }
  }
}
