import { beforeAll, describe, expect, it } from 'vitest';
import { SPRAY_PROBES, SPRAY_SOCKETS } from '../../../agent/paths/constants.ts';
import { cryptoReady } from '../../../agent/wireguard/crypto.ts';
import { DIRECT_WITHIN, expectNothingLost, SEEDS, TIMEOUT } from './nothing-lost.ts';
import { SCENARIOS, scenario } from './scenarios.ts';
import { Transfer } from './transfer.ts';

beforeAll(cryptoReady);

describe(`where there is no direct path, over ${SEEDS} seeds`, () => {
  for (const one of SCENARIOS) {
    if (one.expect !== 'relay') continue;
    it(`the relay carries everything from the first packet on: ${one.name}`, TIMEOUT, () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const transfer = new Transfer(one, seed, { interval: 200 });
        expect(transfer.untilDirect(DIRECT_WITHIN), `seed ${seed}`).toBeNull();
        transfer.stop();
        expectNothingLost(transfer, seed);
      }
    });
  }
});

describe(`a hard NAT against a port-restricted one, over ${SEEDS} seeds`, () => {
  const spray = scenario('port-restricted cone and symmetric');

  it(
    'many sockets against many ports find a path within 3 s nearly always, bounded, and nothing is lost',
    TIMEOUT,
    () => {
      let found = 0;
      for (let seed = 1; seed <= SEEDS; seed++) {
        const transfer = new Transfer(spray, seed, { interval: 100 });
        if (transfer.untilDirect(DIRECT_WITHIN) !== null) found++;
        transfer.run(700);
        transfer.stop();
        expectNothingLost(transfer, seed);
        for (const { events } of [transfer.pair.a, transfer.pair.b]) {
          const sprays = events.filter((event) => event.kind === 'sprayed');
          expect(sprays.length).toBe(1);
          // 256 sockets and two addresses at most on one side, as many ports on the other.
          expect(sprays[0]?.probes).toBeLessThanOrEqual(Math.max(SPRAY_PROBES, 2 * SPRAY_SOCKETS));
          expect(sprays[0]?.sockets).toBeLessThanOrEqual(SPRAY_SOCKETS);
        }
      }
      // (1 - 256/64512)^1024 of the runs fail; four standard deviations are allowed.
      const expected = 1 - (1 - SPRAY_SOCKETS / 64_512) ** SPRAY_PROBES;
      const deviation = Math.sqrt((expected * (1 - expected)) / SEEDS);
      expect(found / SEEDS).toBeGreaterThan(expected - 4 * deviation);
    },
  );

  it('what fails is tried again, and the sockets that won nothing are closed', TIMEOUT, () => {
    let found = 0;
    const runs = SEEDS / 10;
    for (let seed = 1; seed <= runs; seed++) {
      const transfer = new Transfer(spray, seed + 50_000, { interval: 500 });
      if (transfer.untilDirect(60_000) !== null) found++;
      transfer.run(10_000);
      transfer.stop();
      const sockets = transfer.pair.a.openSockets.size + transfer.pair.b.openSockets.size;
      expect(sockets, `seed ${seed}`).toBeLessThanOrEqual(16);
      expect(sockets, `seed ${seed}`).toBeGreaterThanOrEqual(1);
      transfer.run(300_000);
      expect(transfer.pair.a.openSockets.size + transfer.pair.b.openSockets.size, `seed ${seed}`).toBe(0);
    }
    expect(found).toBe(runs);
  });
});
