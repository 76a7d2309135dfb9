import { keyToHex } from '../../shared/key.ts';

/** The peers that speak of paths: the device's slot of each, and its public key. */
export class PathPeers {
  readonly #keys = new Map<number, Uint8Array>();
  /** By key in hex. */
  readonly #slots = new Map<string, number>();

  /** A slot that is there already stays as it is. The key is copied. */
  add(slot: number, publicKey: Uint8Array): void {
    if (this.#keys.has(slot)) return;
    this.#keys.set(slot, publicKey.slice());
    this.#slots.set(keyToHex(publicKey), slot);
  }

  has(slot: number): boolean {
    return this.#keys.has(slot);
  }

  keyOf(slot: number): Uint8Array | undefined {
    return this.#keys.get(slot);
  }

  slotOf(publicKey: Uint8Array): number | undefined {
    return this.#slots.get(keyToHex(publicKey));
  }

  remove(slot: number): void {
    const publicKey = this.#keys.get(slot);
    if (publicKey === undefined) return;
    this.#keys.delete(slot);
    // The same peer may have come back in another slot.
    if (this.slotOf(publicKey) === slot) this.#slots.delete(keyToHex(publicKey));
  }

  /** Slots and keys; what is removed meanwhile is left out. */
  [Symbol.iterator](): IterableIterator<[number, Uint8Array]> {
    return this.#keys.entries();
  }
}
