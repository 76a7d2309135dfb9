import { WarrenError } from '../../../shared/errors.ts';
import { wipe } from '../../../shared/key.ts';
import { type CreateTransportCipher, TAG_LENGTH, type TransportCipher } from '../../wireguard/aead.ts';
import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';
import { loadFirst } from './load-first.ts';
import { nativeBuffer } from './memory.ts';

type Word = number;
interface Sodium {
  encrypt: (
    ...args: [
      out: Word,
      outLength: Word,
      input: Word,
      length: number,
      ad: Word,
      adLength: number,
      secretNonce: Word,
      nonce: Word,
      key: Word,
    ]
  ) => number;
  decrypt: (
    ...args: [
      out: Word,
      outLength: Word,
      secretNonce: Word,
      input: Word,
      length: number,
      ad: Word,
      adLength: number,
      nonce: Word,
      key: Word,
    ]
  ) => number;
}

const KEY = 16;

/** ChaCha20-Poly1305 by the system's libsodium, one call a packet. Throws `unsupported` where there is none. */
export function sodiumLibraryCipher(): CreateTransportCipher {
  let sodium: Sodium;
  try {
    // Version 23 is that of libsodium 1.0.14 and later (Debian and Ubuntu since 2018), 26 that of 1.0.19 and later.
    const library = loadFirst(['libsodium.so.26', 'libsodium.so.23']);
    if ((library.func('int sodium_init()') as () => number)() < 0) throw new Error('sodium_init failed');
    sodium = {
      encrypt: library.func(
        'int crypto_aead_chacha20poly1305_ietf_encrypt(uintptr_t c, uintptr_t l, uintptr_t m, uint64_t n, uintptr_t a, uint64_t b, uintptr_t s, uintptr_t i, uintptr_t k)',
      ) as Sodium['encrypt'],
      decrypt: library.func(
        'int crypto_aead_chacha20poly1305_ietf_decrypt(uintptr_t m, uintptr_t l, uintptr_t s, uintptr_t c, uint64_t n, uintptr_t a, uint64_t b, uintptr_t i, uintptr_t k)',
      ) as Sodium['decrypt'],
    };
  } catch (cause) {
    throw new WarrenError('unsupported', 'libsodium cannot be called', { cause });
  }
  return (key) => new SodiumLibraryCipher(sodium, key);
}

class SodiumLibraryCipher implements TransportCipher {
  readonly #sodium: Sodium;
  /** The nonce of paragraph 5.4.6, and at KEY the key. */
  readonly #memory = nativeBuffer(KEY + 32);
  #ended = false;

  constructor(sodium: Sodium, key: Uint8Array) {
    this.#sodium = sodium;
    this.#memory.bytes.set(key, KEY);
  }

  seal(
    counterLow: number,
    counterHigh: number,
    source: PacketBuffer,
    sourceOffset: number,
    length: number,
    target: PacketBuffer,
    targetOffset: number,
  ): void {
    const nonce = this.#setNonce(counterLow, counterHigh);
    const input = source.address + sourceOffset;
    const out = target.address + targetOffset;
    if (this.#sodium.encrypt(out, 0, input, length, 0, 0, 0, nonce, nonce + KEY) !== 0) {
      throw new WarrenError('internal', 'libsodium did not seal a packet');
    }
  }

  open(
    counterLow: number,
    counterHigh: number,
    source: PacketBuffer,
    sourceOffset: number,
    length: number,
    target: PacketBuffer,
    targetOffset: number,
  ): boolean {
    const nonce = this.#setNonce(counterLow, counterHigh);
    if (length < TAG_LENGTH) return false;
    const input = source.address + sourceOffset;
    const out = target.address + targetOffset;
    return this.#sodium.decrypt(out, 0, 0, input, length, 0, 0, nonce, nonce + KEY) === 0;
  }

  destroy(): void {
    wipe(this.#memory.bytes);
    this.#ended = true;
  }

  /** The nonce's address. */
  #setNonce(low: number, high: number): Word {
    if (this.#ended) throw new WarrenError('internal', 'a cipher was used after its end');
    this.#memory.view.setUint32(4, low, true);
    this.#memory.view.setUint32(8, high, true);
    return this.#memory.address;
  }
}
