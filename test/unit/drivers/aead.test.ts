import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { openSslCipher } from '../../../agent/drivers/linux/aead.ts';
import { nativeBuffer } from '../../../agent/drivers/linux/memory.ts';
import { sodiumCipher } from '../../../agent/drivers/portable/aead.ts';
import { type CreateTransportCipher, TAG_LENGTH } from '../../../agent/wireguard/aead.ts';
import { type PacketBuffer, packetBuffer } from '../../../agent/wireguard/packet-buffer.ts';

/** The same by node:crypto, which neither driver uses. */
function reference(key: Uint8Array, low: number, high: number, plaintext: Uint8Array): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32LE(low, 4);
  nonce.writeUInt32LE(high, 8);
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_LENGTH });
  return new Uint8Array(Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]));
}

describe.each<
  [string, () => CreateTransportCipher | Promise<CreateTransportCipher>, (length: number) => PacketBuffer]
>([
  ["OpenSSL's", openSslCipher, nativeBuffer],
  ["libsodium's", sodiumCipher, packetBuffer],
])('%s ChaCha20-Poly1305', (_, make, createBuffer) => {
  let create: CreateTransportCipher;
  beforeAll(async () => {
    create = await make();
  });

  const word = fc.integer({ min: 0, max: 0xffffffff });
  const cases = fc.record({
    key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    low: word,
    high: word,
    plaintext: fc.uint8Array({ maxLength: 1500 }),
    offset: fc.nat(32),
  });

  it('seals as node:crypto does, touches nothing else, and opens again', () => {
    fc.assert(
      fc.property(cases, ({ key, low, high, plaintext, offset }) => {
        const [sender, receiver] = [create(key), create(key)];
        const source = createBuffer(2000);
        const target = createBuffer(2000);
        target.bytes.fill(0xa5);
        source.bytes.set(plaintext, offset);
        sender.seal(low, high, source, offset, plaintext.length, target, offset + 1);
        const end = offset + 1 + plaintext.length + TAG_LENGTH;
        expect(target.bytes.slice(offset + 1, end)).toEqual(reference(key, low, high, plaintext));
        expect(target.bytes.subarray(0, offset + 1).every((byte) => byte === 0xa5)).toBe(true);
        expect(target.bytes.subarray(end).every((byte) => byte === 0xa5)).toBe(true);
        const opened = createBuffer(2000);
        expect(receiver.open(low, high, target, offset + 1, plaintext.length + TAG_LENGTH, opened, 3)).toBe(
          true,
        );
        expect(opened.bytes.slice(3, 3 + plaintext.length)).toEqual(plaintext);
        sender.destroy();
        receiver.destroy();
      }),
    );
  });

  it('SEC-14: one bit flipped anywhere, or another counter, does not open; the next good one does', () => {
    const cipher = create(new Uint8Array(32).fill(9));
    const opener = create(new Uint8Array(32).fill(9));
    const source = createBuffer(100);
    const target = createBuffer(200);
    cipher.seal(5, 1, source, 0, 64, target, 0);
    const out = createBuffer(100);
    for (let bit = 0; bit < (64 + TAG_LENGTH) * 8; bit++) {
      const at = bit >> 3;
      target.bytes[at] = (target.bytes[at] as number) ^ (1 << (bit & 7));
      expect(opener.open(5, 1, target, 0, 64 + TAG_LENGTH, out, 0)).toBe(false);
      target.bytes[at] = (target.bytes[at] as number) ^ (1 << (bit & 7));
    }
    expect(opener.open(6, 1, target, 0, 64 + TAG_LENGTH, out, 0)).toBe(false);
    expect(opener.open(5, 0, target, 0, 64 + TAG_LENGTH, out, 0)).toBe(false);
    expect(opener.open(5, 1, target, 0, 64 + TAG_LENGTH, out, 0)).toBe(true);
    cipher.destroy();
    opener.destroy();
  });
});

it("ending OpenSSL's cipher twice is harmless, and using it after its end is refused", () => {
  const cipher = openSslCipher()(new Uint8Array(32).fill(9));
  const buffer = nativeBuffer(100);
  cipher.destroy();
  cipher.destroy();
  expect(() => cipher.seal(0, 0, buffer, 0, 16, buffer, 0)).toThrow(/end/);
  expect(() => cipher.open(0, 0, buffer, 0, 32, buffer, 0)).toThrow(/end/);
});
