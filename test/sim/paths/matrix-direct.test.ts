import { beforeAll, describe, expect, it } from 'vitest';
import { cryptoReady } from '../../../agent/wireguard/crypto.ts';
import { DIRECT_WITHIN, expectNothingLost, SEEDS, TIMEOUT } from './nothing-lost.ts';
import { SCENARIOS } from './scenarios.ts';
import { Transfer } from './transfer.ts';

beforeAll(cryptoReady);

describe(`where a direct path exists, over ${SEEDS} seeds`, () => {
  for (const scenario of SCENARIOS) {
    const { name, expect: kind } = scenario;
    if (kind !== 'lan' && kind !== 'direct') continue;
    it(`it is in use within 3 s, and nothing is lost: ${name}`, TIMEOUT, () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const transfer = new Transfer(scenario, seed, { interval: 100 });
        expect(transfer.untilDirect(DIRECT_WITHIN), `seed ${seed}`).not.toBeNull();
        transfer.run(500);
        transfer.stop();
        const { a, b } = transfer.pair;
        expect([a.pathTo(b)?.class, b.pathTo(a)?.class], `seed ${seed}`).toEqual([kind, kind]);
        expectNothingLost(transfer, seed);
      }
    });
  }
});
