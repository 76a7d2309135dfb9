import { expect } from 'vitest';
import type { Transfer } from './transfer.ts';

/** How many seeds the simulations run over. */
export const SEEDS = Number(process.env.WARREN_SIM_SEEDS ?? 1_000);
/** Milliseconds from the first packet within which a direct path is to be in use where there is one. */
export const DIRECT_WITHIN = 3_000;
/** Simulations take long, and longer on a busy machine; they are not tests of its speed. */
export const TIMEOUT = { timeout: 600_000 };

/** What is true of every run in a network that loses nothing by itself. */
export function expectNothingLost(transfer: Transfer, seed: number): void {
  const { a, b } = transfer.pair;
  // What is missing was sent where it could not arrive.
  expect({ seed, missing: transfer.missing, lost: transfer.world.lostData }).toEqual({
    seed,
    missing: 0,
    lost: [],
  });
  expect(transfer.repeated).toBe(0);
  // The first packet and its answer do not wait for probes: two trips for the handshake, two for the packets, by relay.
  expect(transfer.firstAnswer).toBeLessThan(8 * transfer.world.relayDelay + 10);
  for (const [host, peer] of [
    [a, b],
    [b, a],
  ] as const)
    expect(host.events.filter(({ kind }) => kind === 'path-changed').length).toBe(
      host.paths.status(host.slotOf(peer))?.changes,
    );
}
