import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyFromBase64, keyFromHex, keyToBase64, keyToHex, wipe } from '../../../shared/key.ts';

describe('keys in text form', () => {
  it('both spellings are read back to the same 32 bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        expect(keyFromBase64(keyToBase64(key))).toEqual(key);
        expect(keyFromHex(keyToHex(key))).toEqual(key);
      }),
    );
  });

  it.each([
    ['too short', 'A'.repeat(42)],
    ['no padding', 'A'.repeat(43)],
    ['bits set past the 32nd byte', `${'A'.repeat(42)}B=`],
    ['url alphabet', `${'-'.repeat(42)}A=`],
    ['33 bytes', `${'A'.repeat(44)}`],
  ])('base64: %s is refused', (_, text) => {
    expect(keyFromBase64(text)).toBeNull();
  });

  it.each(['', 'ab', 'g'.repeat(64), 'a'.repeat(66)])('hex: %j is refused', (text) => {
    expect(keyFromHex(text)).toBeNull();
  });

  it('wiping leaves nothing', () => {
    const key = new Uint8Array(32).fill(7);
    wipe(key);
    expect(key).toEqual(new Uint8Array(32));
  });
});
