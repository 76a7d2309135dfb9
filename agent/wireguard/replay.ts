import { REJECT_AFTER_MESSAGES, REPLAY_RING_BITS, REPLAY_WINDOW } from './constants.ts';

const WORDS = REPLAY_RING_BITS / 32;

/**
 * The sliding window of RFC 6479: a ring of bits that is cleared a word at a time as it moves on, so that accepting a
 * counter shifts nothing. Consulted only with counters that the AEAD has verified.
 */
export class ReplayWindow {
  readonly #ring = new Int32Array(WORDS);
  /** One more than the greatest counter accepted, in an array so that writing it never allocates. */
  readonly #greatest = new Float64Array(1);

  /** Whether this counter is new and below REJECT_AFTER_MESSAGES; if so it no longer is new. */
  accept(counter: number): boolean {
    if (!(counter < REJECT_AFTER_MESSAGES)) return false;
    const position = counter + 1;
    const greatest = this.#greatest[0] as number;
    if (position + REPLAY_WINDOW < greatest) return false;
    const word = Math.floor(position / 32);
    if (position > greatest) {
      const current = Math.floor(greatest / 32);
      const steps = Math.min(word - current, WORDS);
      for (let i = 1; i <= steps; i++) this.#ring[(current + i) % WORDS] = 0;
      this.#greatest[0] = position;
    }
    const slot = word % WORDS;
    const bit = 1 << (position % 32);
    const bits = this.#ring[slot] as number;
    if ((bits & bit) !== 0) return false;
    this.#ring[slot] = bits | bit;
    return true;
  }
}
