import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REJECT_AFTER_MESSAGES, REPLAY_WINDOW } from '../../../agent/wireguard/constants.ts';
import { ReplayWindow } from '../../../agent/wireguard/replay.ts';

/**
 * The cases of the Linux kernel's drivers/net/wireguard/selftest/counter.c, as facts: which counter, in which order, is to be
 * accepted. Its REJECT_AFTER_MESSAGES is 2^64 - 2^13 - 1, ours is smaller; the cases are relative to it.
 */
const LIMIT = REPLAY_WINDOW + 1;
const KERNEL_CASES: [counter: number, accepted: boolean][] = [
  [0, true],
  [1, true],
  [1, false],
  [9, true],
  [8, true],
  [7, true],
  [7, false],
  [LIMIT, true],
  [LIMIT - 1, true],
  [LIMIT - 1, false],
  [LIMIT - 2, true],
  [2, true],
  [2, false],
  [LIMIT + 16, true],
  [3, false],
  [LIMIT + 16, false],
  [LIMIT * 4, true],
  [LIMIT * 4 - (LIMIT - 1), true],
  [10, false],
  [LIMIT * 4 - LIMIT, false],
  [LIMIT * 4 - (LIMIT + 1), false],
  [LIMIT * 4 - (LIMIT - 2), true],
  [LIMIT * 4 + 1 - LIMIT, false],
  [0, false],
  [REJECT_AFTER_MESSAGES, false],
  [REJECT_AFTER_MESSAGES - 1, true],
  [REJECT_AFTER_MESSAGES, false],
  [REJECT_AFTER_MESSAGES - 1, false],
  [REJECT_AFTER_MESSAGES - 2, true],
  [REJECT_AFTER_MESSAGES + 1, false],
  [REJECT_AFTER_MESSAGES + 2, false],
  [REJECT_AFTER_MESSAGES - 2, false],
  [REJECT_AFTER_MESSAGES - 3, true],
  [0, false],
];

function range(from: number, to: number): number[] {
  const step = from <= to ? 1 : -1;
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, i) => from + i * step);
}

describe('the window of RFC 6479', () => {
  it("SEC-12: the kernel's selftest sequence is judged alike", () => {
    const window = new ReplayWindow();
    const judged = KERNEL_CASES.map(([counter]) => [counter, window.accept(counter)]);
    expect(judged).toEqual(KERNEL_CASES);
  });

  it.each<[string, number[], [number, boolean][]]>([
    [
      'upwards from 1, then 0',
      range(1, REPLAY_WINDOW),
      [
        [0, true],
        [0, false],
      ],
    ],
    [
      'upwards from 2 and one past the window',
      range(2, REPLAY_WINDOW + 1),
      [
        [1, true],
        [0, false],
      ],
    ],
    ['downwards to 0', range(REPLAY_WINDOW, 0), []],
    ['downwards to 1 from one past', range(REPLAY_WINDOW + 1, 1), [[0, false]]],
    [
      'downwards to 1, then one past',
      range(REPLAY_WINDOW, 1),
      [
        [REPLAY_WINDOW + 1, true],
        [0, false],
      ],
    ],
    [
      'downwards to 1, 0, then one past',
      range(REPLAY_WINDOW, 1),
      [
        [0, true],
        [REPLAY_WINDOW + 1, true],
      ],
    ],
  ])("SEC-12: the kernel's selftest loop: %s", (_name, run, after) => {
    const window = new ReplayWindow();
    expect(run.filter((counter) => !window.accept(counter))).toEqual([]);
    expect(after.map(([counter]) => [counter, window.accept(counter)])).toEqual(after);
  });

  it.each([2 ** 31, 2 ** 32, 2 ** 40, REJECT_AFTER_MESSAGES - 20])(
    'SEC-12: counters around %d are told apart',
    (middle) => {
      const window = new ReplayWindow();
      const around = range(middle - 10, middle + 10);
      expect(around.every((counter) => window.accept(counter))).toBe(true);
      expect(around.some((counter) => window.accept(counter))).toBe(false);
      expect(window.accept(middle - 11)).toBe(true);
    },
  );

  it.each([REJECT_AFTER_MESSAGES, 2 ** 53 - 1, 2 ** 53, 2 ** 64, Number.NaN])(
    'SEC-12: %d is refused and changes nothing',
    (counter) => {
      const window = new ReplayWindow();
      expect(window.accept(counter)).toBe(false);
      expect(window.accept(0)).toBe(true);
    },
  );

  it('accepts exactly what a set of everything seen would, within the window', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40_000), { maxLength: 400 }), (counters) => {
        const window = new ReplayWindow();
        const seen = new Set<number>();
        let newest = -1;
        for (const counter of counters) {
          const wanted = !seen.has(counter) && counter + REPLAY_WINDOW >= newest;
          expect(window.accept(counter)).toBe(wanted);
          if (wanted) seen.add(counter);
          newest = Math.max(newest, counter);
        }
      }),
    );
  });
});
