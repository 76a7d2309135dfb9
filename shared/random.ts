import { randomFillSync } from 'node:crypto';

/** A source of randomness. Production uses the system's; simulations inject a seeded one. */
export interface Random {
  /** Fills the whole array. */
  fill(bytes: Uint8Array): void;
}

export const systemRandom: Random = {
  fill(bytes) {
    randomFillSync(bytes);
  },
};

/** A uniformly drawn unsigned 32-bit integer. */
export function randomUint32(random: Random): number {
  const word = new Uint8Array(4);
  random.fill(word);
  return new DataView(word.buffer).getUint32(0, true);
}
