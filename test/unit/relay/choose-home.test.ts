import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseHome } from '../../../agent/relay/choose-home.ts';

const at = (latencies: Record<string, number | null>) =>
  Object.entries(latencies).map(([id, latency]) => ({ id, latency }));

describe('the home relay', () => {
  it.each([
    ['the nearest at first', null, { a: 30, b: 20 }, 'b'],
    ['the first by id of equals', null, { b: 20, a: 20 }, 'a'],
    ['none when none answers', 'a', { a: null, b: null }, null],
    ['none when there are none', 'a', {}, null],
    ['another when its own is gone', 'a', { a: null, b: 500 }, 'b'],
    ['another when its own is no longer listed', 'x', { a: 90, b: 50 }, 'b'],
    ['the same when another is not 10 ms better', 'a', { a: 12, b: 3 }, 'a'],
    ['the same when another is not under two thirds', 'a', { a: 100, b: 67 }, 'a'],
    ['another that is 10 ms better and under two thirds', 'a', { a: 100, b: 66 }, 'b'],
    ['another that is exactly 10 ms better', 'a', { a: 20, b: 10 }, 'b'],
    ['the same when it became better itself', 'a', { a: 5, b: 66 }, 'a'],
  ])('is %s', (_, current, latencies, expected) => {
    expect(chooseHome(current, at(latencies))).toBe(expected);
  });

  it('never goes back and forth between two whose latencies stay', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), (a, b) => {
        const relays = at({ a, b });
        const first = chooseHome('a', relays);
        expect(chooseHome(first, relays)).toBe(first);
      }),
    );
  });
});
