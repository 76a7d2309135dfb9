import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RulesWatch } from '../../../agent/daemon/rules-watch.ts';

let haveGone: () => Promise<boolean>;
let looks: number;
let restored: number;
let watch: RulesWatch;

beforeEach(() => {
  vi.useFakeTimers();
  [looks, restored] = [0, 0];
  haveGone = async () => looks === 2;
  watch = new RulesWatch(
    () => {
      looks++;
      return haveGone();
    },
    async () => void restored++,
  );
  watch.start();
});

afterEach(() => {
  watch.close();
  vi.useRealTimers();
});

it('sees every ten seconds whether rules are gone', async () => {
  await vi.advanceTimersByTimeAsync(10_000);
  expect([looks, restored]).toEqual([1, 0]);
  await vi.advanceTimersByTimeAsync(20_000);
  expect([looks, restored]).toEqual([3, 1]);
});

it('looks again after a look that failed', async () => {
  haveGone = async () => {
    throw new Error('nft: busy');
  };
  await vi.advanceTimersByTimeAsync(20_000);
  expect([looks, restored]).toEqual([2, 0]);
});

it('sets nothing anew that was asked for before it was closed', async () => {
  let answer = (_: boolean) => {};
  haveGone = () =>
    new Promise((resolve) => {
      answer = resolve;
    });
  await vi.advanceTimersByTimeAsync(10_000);
  watch.close();
  answer(true);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([looks, restored]).toEqual([1, 0]);
});
