import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAfter, timestampAfter, timestampOf } from '../../../agent/wireguard/tai64n.ts';
import { keyToHex } from '../../../shared/key.ts';

describe('TAI64N', () => {
  it.each([
    // https://cr.yp.to/libtai/tai64.html: 1970-01-01 00:00:10 TAI, which is 1970-01-01 00:00:00 UTC, is 4000 0000 0000 000a.
    [0, '400000000000000a00000000'],
    [1_000, '400000000000000b00000000'],
    // 0x1dcd6500 ns with the low 24 bits cleared.
    [500, '400000000000000a1d000000'],
    [2 ** 32 * 1000, '400000010000000a00000000'],
  ])('%d ms after the epoch is %s', (wall, hex) => {
    expect(keyToHex(timestampOf(wall))).toBe(hex);
  });

  it('the next label is later, and by less than 17 ms', () => {
    fc.assert(
      fc.property(fc.nat(4_000_000_000_000), (wall) => {
        const label = timestampOf(wall);
        const next = timestampAfter(label);
        expect(isAfter(next, label)).toBe(true);
        expect(isAfter(label, next)).toBe(false);
        expect(isAfter(next, timestampOf(wall + 17 + 17))).toBe(false);
      }),
    );
  });

  it('a label is not later than itself', () => {
    expect(isAfter(timestampOf(5), timestampOf(5))).toBe(false);
  });
});
