import { beforeAll, describe, expect, it } from 'vitest';
import {
  cryptoReady,
  dh,
  equalConstantTime,
  hash,
  isZero,
  kdf,
  mac,
  open,
  publicKeyOf,
  seal,
  xaeadOpen,
  xaeadSeal,
} from '../../../agent/wireguard/crypto.ts';
import { keyToHex } from '../../../shared/key.ts';

beforeAll(cryptoReady);

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const counting = (from: number, count: number) => Uint8Array.from({ length: count }, (_, i) => from + i);

describe('the functions of section 5.4', () => {
  it('Hash() is BLAKE2s: RFC 7693, appendix B', () => {
    expect(keyToHex(hash(new TextEncoder().encode('abc')))).toBe(
      '508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982',
    );
  });

  it('Hash() of parts is the hash of their concatenation', () => {
    expect(hash(counting(0, 40), counting(40, 60))).toEqual(hash(counting(0, 100)));
  });

  it('Mac() has 16 bytes and depends on the key', () => {
    expect(mac(counting(0, 32), counting(0, 5))).toHaveLength(16);
    expect(mac(counting(0, 32), counting(0, 5))).not.toEqual(mac(counting(1, 32), counting(0, 5)));
  });

  it('Kdf_n() begins with the outputs of Kdf_m() for m below n', () => {
    const [key, input] = [counting(0, 32), counting(9, 32)];
    expect(kdf(3, key, input).slice(0, 2)).toEqual(kdf(2, key, input));
  });

  it('DH() is X25519: RFC 7748, section 5.2', () => {
    const shared = dh(
      bytes('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4'),
      bytes('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c'),
    );
    expect(keyToHex(shared as Uint8Array)).toBe(
      'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
    );
  });

  it('DH-Generate() multiplies the base point: RFC 7748, section 5.2, first iteration', () => {
    expect(keyToHex(publicKeyOf(bytes(`09${'00'.repeat(31)}`)))).toBe(
      '422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079',
    );
  });

  it('Xaead() is XChaCha20-Poly1305: draft-irtf-cfrg-xchacha-03, appendix A.3.1', () => {
    const text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    const additional = bytes('50515253c0c1c2c3c4c5c6c7');
    const [key, nonce] = [counting(0x80, 32), counting(0x40, 24)];
    const sealed = xaeadSeal(key, nonce, new TextEncoder().encode(text), additional);
    expect(keyToHex(sealed.subarray(-16))).toBe('c0875924c1c7987947deafd8780acf49');
    expect(new TextDecoder().decode(xaeadOpen(key, nonce, sealed, additional) as Uint8Array)).toBe(text);
    sealed[3] = (sealed[3] as number) ^ 1;
    expect(xaeadOpen(key, nonce, sealed, additional)).toBeNull();
  });

  it('Aead() opens what it sealed and nothing else', () => {
    const key = counting(0, 32);
    const sealed = seal(key, counting(0, 12), counting(1, 32));
    expect(open(key, sealed, counting(1, 32))).toEqual(counting(0, 12));
    expect(open(key, sealed, counting(2, 32))).toBeNull();
    expect(open(key, sealed.subarray(0, 15), counting(1, 32))).toBeNull();
  });

  it('comparisons look at every byte', () => {
    for (let i = 0; i < 16; i++) {
      const other = counting(0, 16);
      other[i] = 0xff;
      expect(equalConstantTime(counting(0, 16), other)).toBe(false);
      const zeros = new Uint8Array(16);
      expect(isZero(zeros)).toBe(true);
      zeros[i] = 1;
      expect(isZero(zeros)).toBe(false);
    }
    expect(equalConstantTime(counting(0, 16), counting(0, 16))).toBe(true);
    expect(equalConstantTime(counting(0, 16), counting(0, 15))).toBe(false);
  });
});
