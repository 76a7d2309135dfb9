import { beforeAll, describe, expect, it } from 'vitest';
import { cryptoReady } from '../../../agent/wireguard/crypto.ts';
import { SCENARIOS } from './scenarios.ts';
import { Transfer } from './transfer.ts';

beforeAll(cryptoReady);

const SEEDS = Number(process.env.WARREN_SIM_SEEDS ?? 1_000);
/** Milliseconds from the first packet within which a direct path is to be in use. */
const DIRECT_WITHIN = 3_000;
/** What the birthday technique must achieve in that time; its arithmetic says 98.3% (constants.ts). */
const SPRAYS_THAT_FIND = 0.96;

/** What is true of every run, whatever the network. */
function expectNothingLost(transfer: Transfer, seed: number): void {
  const { a, b } = transfer.pair;
  // Nothing in these networks loses datagrams, so what is missing was sent where it could not arrive.
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

describe(`over ${SEEDS} seeds`, () => {
  for (const scenario of SCENARIOS) {
    const { name, expect: kind } = scenario;
    if (kind === 'relay') {
      it(`${name}: by relay, and nothing is lost`, { timeout: 300_000 }, () => {
        for (let seed = 1; seed <= SEEDS; seed++) {
          const transfer = new Transfer(scenario, seed, { interval: 100 });
          expect(transfer.untilDirect(DIRECT_WITHIN + 500)).toBeNull();
          transfer.stop();
          expectNothingLost(transfer, seed);
        }
      });
    } else if (kind === 'sprayed') {
      it(`${name}: nearly always a direct path within 3 s, else by relay; nothing is lost`, {
        timeout: 300_000,
      }, () => {
        let found = 0;
        for (let seed = 1; seed <= SEEDS; seed++) {
          const transfer = new Transfer(scenario, seed, { interval: 100 });
          if (transfer.untilDirect(DIRECT_WITHIN) !== null) found++;
          transfer.run(1_000);
          transfer.stop();
          expectNothingLost(transfer, seed);
        }
        expect(found / SEEDS).toBeGreaterThan(SPRAYS_THAT_FIND);
      });
    } else {
      it(`${name}: a direct path within 3 s, and nothing is lost`, { timeout: 300_000 }, () => {
        for (let seed = 1; seed <= SEEDS; seed++) {
          const transfer = new Transfer(scenario, seed, { interval: 100 });
          expect(transfer.untilDirect(DIRECT_WITHIN), `seed ${seed}`).not.toBeNull();
          transfer.run(1_000);
          transfer.stop();
          const { a, b } = transfer.pair;
          expect([a.pathTo(b)?.class, b.pathTo(a)?.class], `seed ${seed}`).toEqual([kind, kind]);
          expectNothingLost(transfer, seed);
        }
      });
    }
  }
});
