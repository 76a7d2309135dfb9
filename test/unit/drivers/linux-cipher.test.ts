import { beforeAll, describe, expect, it } from 'vitest';
import { linuxCipher, NATIVE_CIPHERS, type NativeCipher } from '../../../agent/drivers/linux/aead.ts';
import { nativeBuffer } from '../../../agent/drivers/linux/memory.ts';
import type { CreateTransportCipher, TransportCipher } from '../../../agent/wireguard/aead.ts';
import { cryptoReady } from '../../../agent/wireguard/crypto.ts';
import { WarrenError } from '../../../shared/errors.ts';
import { createReferenceCipher } from '../../support/reference-cipher.ts';

beforeAll(cryptoReady);

const KEY = new Uint8Array(32).fill(7);

function missing(name: string, optional = false): NativeCipher {
  const load = () => {
    throw new WarrenError('unsupported', `${name} cannot be called`, { cause: new Error('no such file') });
  };
  return { name, load, optional };
}

/** The reference cipher, changed in one way. */
function altered(change: (cipher: TransportCipher) => Partial<TransportCipher>): CreateTransportCipher {
  return (key) => {
    const cipher = createReferenceCipher(key);
    return { ...cipher, ...change(cipher) };
  };
}

const good: NativeCipher = { name: 'good', load: () => createReferenceCipher, optional: false };

async function choose(...candidates: NativeCipher[]) {
  const notes: string[] = [];
  return { ...(await linuxCipher(notes, candidates)), notes };
}

describe("the Linux driver's choice of a cipher", () => {
  it('takes the first that works, without a word', async () => {
    expect(await choose(good, missing('other'))).toMatchObject({
      name: 'good',
      create: createReferenceCipher,
      notes: [],
    });
  });

  it('says nothing of an optional one that is not there', async () => {
    expect(await choose(missing('rare', true), good)).toMatchObject({
      name: 'good',
      create: createReferenceCipher,
      notes: [],
    });
  });

  it('names what it falls back to, and each reason', async () => {
    const { create, notes } = await choose(missing('first'), missing('second'), good);
    expect(create).toBe(createReferenceCipher);
    expect(notes).toEqual([
      'packets are sealed by good, for a faster way fails: first: first cannot be called (no such file); ' +
        'second: second cannot be called (no such file)',
    ]);
  });

  it.each<[string, string, CreateTransportCipher]>([
    ['does nothing', 'seals a known packet wrongly', altered(() => ({ seal: () => {} }))],
    [
      'seals under another nonce',
      'seals a known packet wrongly',
      altered((cipher) => ({ seal: (low, high, ...rest) => cipher.seal(high, low, ...rest) })),
    ],
    [
      'finds that it cannot seal',
      'did not seal',
      altered(() => ({
        seal: () => {
          throw new WarrenError('internal', 'it did not seal a packet');
        },
      })),
    ],
    ['opens nothing', 'does not open', altered(() => ({ open: () => false }))],
    [
      'opens whatever comes',
      'forged',
      altered((cipher) => ({
        open: (...args) => {
          cipher.open(...args);
          return true;
        },
      })),
    ],
  ])('goes on to the next where a library %s, even an optional one', async (_, reason, create) => {
    const { notes, ...chosen } = await choose({ name: 'liar', load: () => create, optional: true }, good);
    expect(chosen.create).toBe(createReferenceCipher);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/good, for a faster way fails: liar: /);
    expect(notes[0]).toContain(reason);
  });

  it('comes down to libsodium-wrappers where no library can be called', async () => {
    const { create, notes } = await choose(missing('first'));
    const [cipher, reference] = [create(KEY), createReferenceCipher(KEY)];
    const [one, other] = [nativeBuffer(100), nativeBuffer(100)];
    cipher.seal(1, 2, one, 0, 50, one, 0);
    reference.seal(1, 2, other, 0, 50, other, 0);
    expect(one.bytes).toEqual(other.bytes);
    expect(notes).toEqual([
      'packets are sealed by libsodium-wrappers, for every faster way fails: first: first cannot be called (no such file)',
    ]);
  });

  it('does not hide what is no lack of this host', async () => {
    const broken: NativeCipher = {
      name: 'broken',
      load: () => {
        throw new TypeError('a mistake');
      },
      optional: false,
    };
    await expect(choose(broken, good)).rejects.toThrow('a mistake');
  });

  it('finds one among the real libraries here', async () => {
    const notes: string[] = [];
    await linuxCipher(notes, NATIVE_CIPHERS);
    expect(notes).toEqual([]);
  });
});
