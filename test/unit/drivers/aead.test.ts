import { createCipheriv } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import koffi from 'koffi';
import { beforeAll, describe, expect, it } from 'vitest';
import { NATIVE_CIPHERS } from '../../../agent/drivers/linux/aead.ts';
import { nativeBuffer } from '../../../agent/drivers/linux/memory.ts';
import { sodiumCipher } from '../../../agent/drivers/portable/aead.ts';
import { type CreateTransportCipher, TAG_LENGTH } from '../../../agent/wireguard/aead.ts';
import { packetBuffer } from '../../../agent/wireguard/packet-buffer.ts';

/** The same by node:crypto, which no driver uses. */
function reference(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associated: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_LENGTH });
  cipher.setAAD(associated, { plaintextLength: plaintext.length });
  return new Uint8Array(Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]));
}

function nonceOf(low: number, high: number): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32LE(low, 4);
  nonce.writeUInt32LE(high, 8);
  return nonce;
}

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/**
 * RFC 8439: vectors whose nonce begins with four zero bytes, as WireGuard's do. Ciphertexts do not depend on the associated
 * data; A.1's are the key stream itself, from block 1 on.
 */
const IETF =
  'Any submission to the IETF intended by the Contributor for publication as all or part of an IETF Internet-Draft or ' +
  'RFC and any statement made within the context of an IETF activity is considered an "IETF Contribution". Such ' +
  'statements include oral statements in IETF sessions, as well as written and electronic communications made at any ' +
  'time or place, which are addressed to';
const A5_KEY = '1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0';
const A5_PLAINTEXT =
  'Internet-Drafts are draft documents valid for a maximum of six months and may be updated, replaced, or obsoleted by ' +
  'other documents at any time. It is inappropriate to use Internet-Drafts as reference material or to cite them other ' +
  'than as /\u201cwork in progress./\u201d';
const A5_CIPHERTEXT = `
  64a0861575861af460f062c79be643bd 5e805cfd345cf389f108670ac76c8cb2 4c6cfc18755d43eea09ee94e382d26b0
  bdb7b73c321b0100d4f03b7f355894cf 332f830e710b97ce98c8a84abd0b9481 14ad176e008d33bd60f982b1ff37c855
  9797a06ef4f0ef61c186324e2b350638 3606907b6a7c02b0f9f6157b53c867e4 b9166c767b804d46a59b5216cde7a4e9
  9040c5a40433225ee282a1b0a06c523e af4534d7f83fa1155b0047718cbc546a 0d072b04b3564eea1b422273f548271a
  0bb2316053fa76991955ebd63159434e cebb4e466dae5a1073a6727627097a10 49e617d91d361094fa68f0ff77987130
  305beaba2eda04df997b714d6c6f2c29 a6ad5cb4022b02709b`;

const VECTORS = [
  {
    clause: 'A.1, test vector 2',
    key: '00'.repeat(32),
    counter: [0, 0],
    plaintext: new Uint8Array(64),
    ciphertext: `9f07e7be5551387a98ba977c732d080d cb0f29a048e3656912c6533e32ee7aed
                 29b721769ce64e43d57133b074d839d5 31ed1f28510afb45ace10a1f4b794d6f`,
  },
  {
    clause: 'A.2, test vector 2',
    key: `${'00'.repeat(31)}01`,
    counter: [0, 0x02000000],
    plaintext: new TextEncoder().encode(IETF),
    ciphertext: `
      a3fbf07df3fa2fde4f376ca23e827370 41605d9f4f4f57bd8cff2c1d4b7955ec 2a97948bd3722915c8f3d337f7d37005
      0e9e96d647b7c39f56e031ca5eb6250d 4042e02785ececfa4b4bb5e8ead0440e 20b6e8db09d881a7c6132f420e527950
      42bdfa7773d8a9051447b3291ce1411c 680465552aa6c405b7764d5e87bea85a d00f8449ed8f72d0d662ab052691ca66
      424bc86d2df80ea41f43abf937d3259d c4b2d0dfb48a6c9139ddd7f76966e928 e635553ba76c5c879d7b35d49eb2e62b
      0871cdac638939e25e8a1e0ef9d5280f a8ca328b351c3c765989cbcf3daa8b6c cc3aaf9f3979c92b3720fc88dc95ed84
      a1be059c6499b9fda236e7e818b04b0b c39c1e876b193bfe5569753f88128cc0 8aaa9b63d1a16f80ef2554d7189c411f
      5869ca52c5b83fa36ff216b9c1d30062 bebcfd2dc5bce0911934fda79a86f6e6 98ced759c3ff9b6477338f3da4f9cd85
      14ea9982ccafb341b2384dd902f3d1ab 7ac61dd29c6f21ba5b862f3730e37cfd c4fd806c22f221`,
  },
  {
    clause: 'A.5',
    key: A5_KEY,
    counter: [0x04030201, 0x08070605],
    plaintext: new TextEncoder().encode(A5_PLAINTEXT),
    ciphertext: A5_CIPHERTEXT,
  },
] as const;

it('the reference makes the tags of RFC 8439, paragraph 2.8.2 and appendix A.5', () => {
  const sunscreen = reference(
    Uint8Array.from({ length: 32 }, (_, index) => 0x80 + index),
    hex('070000004041424344454647'),
    new TextEncoder().encode(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    ),
    hex('50515253c0c1c2c3c4c5c6c7'),
  );
  expect(text(sunscreen.slice(-TAG_LENGTH))).toBe('1ae10b594f09e26a7e902ecbd0600691');
  const drafts = reference(
    hex(A5_KEY),
    hex('000000000102030405060708'),
    new TextEncoder().encode(A5_PLAINTEXT),
    hex('f33388860000000000004e91'),
  );
  expect(text(drafts.slice(0, -TAG_LENGTH))).toBe(text(hex(A5_CIPHERTEXT)));
  expect(text(drafts.slice(-TAG_LENGTH))).toBe('eead9d67890cbb22392336fea1851f38');
});

/** Where `npm run bench:aead` unpacks what few hosts have installed; a library loaded already is found by its name. */
const UNPACKED = join(
  import.meta.dirname,
  '../../../node_modules/.cache/warren-bench/trixie/libipsec-mb2/usr/lib/x86_64-linux-gnu/libIPSec_MB.so.2',
);
if (existsSync(UNPACKED)) koffi.load(UNPACKED);

/** Why a cipher cannot be loaded here, or null. */
function lack(load: () => unknown): string | null {
  try {
    load();
    return null;
  } catch (error) {
    return String((error as Error).cause ?? error);
  }
}

const candidates = [
  ...NATIVE_CIPHERS.map(({ name, load }) => ({
    name,
    make: load,
    createBuffer: nativeBuffer,
    lack: lack(load),
  })),
  { name: 'libsodium-wrappers', make: sodiumCipher, createBuffer: packetBuffer, lack: null },
];
const OFFSET = 5;
const LONGEST = 2000;

for (const { name, make, createBuffer, lack } of candidates) {
  describe.skipIf(lack !== null)(`ChaCha20-Poly1305 by ${name}${lack === null ? '' : ` (${lack})`}`, () => {
    let create: CreateTransportCipher;
    beforeAll(async () => {
      create = await make();
    });

    it.each(VECTORS)(
      'makes the ciphertext of RFC 8439, $clause',
      ({ key, counter, plaintext, ciphertext }) => {
        const cipher = create(hex(key));
        const buffer = createBuffer(LONGEST);
        buffer.bytes.set(plaintext);
        cipher.seal(counter[0], counter[1], buffer, 0, plaintext.length, buffer, 0);
        expect(text(buffer.bytes.subarray(0, plaintext.length))).toBe(text(hex(ciphertext)));
        cipher.destroy();
      },
    );

    it('seals every length as node:crypto does and opens it, in place and apart, and touches nothing else', () => {
      const key = Uint8Array.from({ length: 32 }, (_, index) => index * 7 + 1);
      const [sender, receiver] = [create(key), create(key)];
      const pattern = Uint8Array.from({ length: LONGEST }, (_, index) => (index * 31) & 0xff);
      const [source, sealed, opened] = [1, 2, 3].map(() => createBuffer(LONGEST + 64)) as [
        ReturnType<typeof createBuffer>,
        ReturnType<typeof createBuffer>,
        ReturnType<typeof createBuffer>,
      ];
      const untouched = (bytes: Uint8Array, start: number, end: number) =>
        bytes.subarray(0, start).every((byte) => byte === 0xa5) &&
        bytes.subarray(end).every((byte) => byte === 0xa5);
      for (let length = 0; length <= LONGEST; length++) {
        const plaintext = Buffer.from(pattern.subarray(0, length));
        const wanted = Buffer.from(reference(key, nonceOf(length, length >> 3), plaintext));
        const end = OFFSET + length;
        for (const buffer of [source, sealed, opened]) buffer.bytes.fill(0xa5);
        source.bytes.set(plaintext, OFFSET);
        sender.seal(length, length >> 3, source, OFFSET, length, sealed, OFFSET + 1);
        sender.seal(length, length >> 3, source, OFFSET, length, source, OFFSET);
        const apart = wanted.equals(sealed.bytes.subarray(OFFSET + 1, end + 1 + TAG_LENGTH));
        const inPlace = wanted.equals(source.bytes.subarray(OFFSET, end + TAG_LENGTH));
        const sealedAlone =
          untouched(sealed.bytes, OFFSET + 1, end + 1 + TAG_LENGTH) &&
          untouched(source.bytes, OFFSET, end + TAG_LENGTH);
        const sealedLength = length + TAG_LENGTH;
        const opens =
          receiver.open(length, length >> 3, sealed, OFFSET + 1, sealedLength, opened, 3) &&
          receiver.open(length, length >> 3, source, OFFSET, sealedLength, source, OFFSET);
        const same =
          plaintext.equals(opened.bytes.subarray(3, 3 + length)) &&
          plaintext.equals(source.bytes.subarray(OFFSET, end));
        const openedAlone = untouched(opened.bytes, 3, 3 + length);
        expect({ length, apart, inPlace, sealedAlone, opens, same, openedAlone }).toEqual({
          length,
          ...{ apart: true, inPlace: true, sealedAlone: true, opens: true, same: true, openedAlone: true },
        });
      }
      sender.destroy();
      receiver.destroy();
    });

    const word = fc.integer({ min: 0, max: 0xffffffff });
    const cases = fc.record({
      key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      low: word,
      high: word,
      plaintext: fc.uint8Array({ maxLength: 1500 }),
    });

    it('seals under any key and counter as node:crypto does', () => {
      const target = createBuffer(LONGEST);
      fc.assert(
        fc.property(cases, ({ key, low, high, plaintext }) => {
          const cipher = create(key);
          target.bytes.set(plaintext);
          cipher.seal(low, high, target, 0, plaintext.length, target, 0);
          expect(text(target.bytes.subarray(0, plaintext.length + TAG_LENGTH))).toBe(
            text(reference(key, nonceOf(low, high), plaintext)),
          );
          cipher.destroy();
        }),
      );
    });

    it.each([0, 1, 64, 1420])(
      'SEC-14: of %i bytes, one bit flipped anywhere, or another counter or key, does not open; the next good one does',
      (length) => {
        const key = new Uint8Array(32).fill(9);
        const [sealer, opener, stranger] = [create(key), create(key), create(key.with(0, 8))];
        const sealed = createBuffer(LONGEST);
        const out = createBuffer(LONGEST);
        const total = length + TAG_LENGTH;
        sealer.seal(5, 1, createBuffer(LONGEST), 0, length, sealed, 0);
        const opens = (low: number, high: number) => opener.open(low, high, sealed, 0, total, out, 0);
        for (let bit = 0; bit < total * 8; bit++) {
          const at = bit >> 3;
          sealed.bytes[at] = (sealed.bytes[at] as number) ^ (1 << (bit & 7));
          expect(opens(5, 1), `bit ${bit}`).toBe(false);
          sealed.bytes[at] = (sealed.bytes[at] as number) ^ (1 << (bit & 7));
        }
        expect(opens(6, 1)).toBe(false);
        expect(opens(5, 0)).toBe(false);
        expect(stranger.open(5, 1, sealed, 0, total, out, 0)).toBe(false);
        const tag = sealed.bytes.slice(length, total);
        sealed.bytes.fill(0, length, total);
        expect(opens(5, 1), 'a tag of zeros').toBe(false);
        sealed.bytes.set(tag, length);
        expect(opens(5, 1)).toBe(true);
        for (const cipher of [sealer, opener, stranger]) cipher.destroy();
      },
    );

    it.each([0, 1, 15])('%i bytes are too short to be a sealed packet', (length) => {
      const cipher = create(new Uint8Array(32).fill(9));
      expect(cipher.open(0, 0, createBuffer(64), 16, length, createBuffer(64), 16)).toBe(false);
      cipher.destroy();
    });

    it('one cipher seals and opens by turns, and two of one thread do not disturb each other', () => {
      const [one, other] = [create(new Uint8Array(32).fill(1)), create(new Uint8Array(32).fill(2))];
      const buffer = createBuffer(200);
      for (let counter = 0; counter < 8; counter++) {
        buffer.bytes.fill(counter);
        one.seal(counter, 0, buffer, 0, 100, buffer, 0);
        other.seal(counter, 0, buffer, 0, 116, buffer, 0);
        expect(other.open(counter, 0, buffer, 0, 132, buffer, 0)).toBe(true);
        expect(one.open(counter, 0, buffer, 0, 116, buffer, 0)).toBe(true);
        expect(buffer.bytes.subarray(0, 100).every((byte) => byte === counter)).toBe(true);
      }
      one.destroy();
      other.destroy();
    });

    it('ending it twice is harmless, using it after its end is refused, and the key it was made from stays', () => {
      const key = new Uint8Array(32).fill(9);
      const cipher = create(key);
      const buffer = createBuffer(100);
      cipher.destroy();
      cipher.destroy();
      expect(() => cipher.seal(0, 0, buffer, 0, 16, buffer, 0)).toThrow(/end/);
      expect(() => cipher.open(0, 0, buffer, 0, 32, buffer, 0)).toThrow(/end/);
      expect(key.every((byte) => byte === 9)).toBe(true);
    });
  });
}

const multiBuffer = NATIVE_CIPHERS.find(
  ({ name }) => name === 'libipsec-mb',
) as (typeof NATIVE_CIPHERS)[number];
it.skipIf(lack(multiBuffer.load) !== null)(
  'libipsec-mb, whose calls return nothing, is not believed when it has done nothing: here it refuses a null pointer',
  () => {
    const cipher = multiBuffer.load()(new Uint8Array(32));
    const [nowhere, somewhere] = [packetBuffer(100), nativeBuffer(100)];
    expect(() => cipher.seal(0, 0, nowhere, 0, 50, somewhere, 0)).toThrow(/tag/);
    expect(() => cipher.open(0, 0, nowhere, 0, 50, somewhere, 0)).toThrow(/tag/);
    cipher.destroy();
  },
);
