import { beforeAll, describe, expect, it } from 'vitest';
import { cryptoReady } from '../../../agent/wireguard/crypto.ts';
import { TIMEOUT } from './nothing-lost.ts';
import { scenario } from './scenarios.ts';
import { Transfer } from './transfer.ts';

beforeAll(cryptoReady);

const SAMPLE = 500;

// Each end asks the other to try with it: two that took turns in asking would never pause.
describe('two that no direct way joins, under traffic for minutes', () => {
  it.each(['symmetric and symmetric', 'UDP blocked entirely', 'IPv6-only and IPv4-only'])(
    '%s: ways are tried for some seconds of each half minute, and not all the time',
    TIMEOUT,
    (name) => {
      const transfer = new Transfer(scenario(name), 1, { interval: 200 });
      transfer.run(60_000);
      const { a, b } = transfer.pair;
      expect([a.pathTo(b), b.pathTo(a)]).toEqual([null, null]);
      const tried = { a: 0, b: 0 };
      const before = a.counter('sent-invitations') + b.counter('sent-invitations');
      const samples = 180_000 / SAMPLE;
      for (let i = 0; i < samples; i++) {
        transfer.run(SAMPLE);
        if (a.paths.status(a.slotOf(b))?.probing) tried.a++;
        if (b.paths.status(b.slotOf(a))?.probing) tried.b++;
      }
      for (const times of Object.values(tried)) {
        expect(times).toBeGreaterThan(0);
        expect(times).toBeLessThan(samples / 3);
      }
      const invitations = a.counter('sent-invitations') + b.counter('sent-invitations') - before;
      expect(invitations).toBeLessThan(180);
    },
  );
});
