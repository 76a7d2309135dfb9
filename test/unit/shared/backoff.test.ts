import { describe, expect, it } from 'vitest';
import { backoff } from '../../../shared/backoff.ts';

describe('the wait before the next try', () => {
  it.each([
    [0, 250, 500],
    [1, 250, 1_000],
    [3, 250, 4_000],
    [6, 250, 30_000],
    [1_000_000, 250, 30_000],
  ])('after %i failures is anywhere from %i to %i ms', (failures, least, most) => {
    expect(backoff(failures, 0)).toBe(least);
    expect(backoff(failures, 0.999_999)).toBe(most);
    expect(backoff(failures, 0.5)).toBeCloseTo((least + most) / 2, -1);
  });

  it('SEC-45: spreads a thousand agents over the whole of it', () => {
    const slots = new Set(Array.from({ length: 1000 }, (_, i) => Math.floor(backoff(8, i / 1000) / 3_000)));
    expect(slots.size).toBe(10);
  });
});
