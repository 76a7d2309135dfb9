import sodium from 'libsodium-wrappers';
import { WarrenError } from '../../../shared/errors.ts';
import { wipe } from '../../../shared/key.ts';
import { type CreateTransportCipher, TAG_LENGTH, type TransportCipher } from '../../wireguard/aead.ts';
import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';

const NONCE_LENGTH = 12;

/** ChaCha20-Poly1305 by libsodium-wrappers: runs wherever WebAssembly does, some five times slower than OpenSSL. */
export async function sodiumCipher(): Promise<CreateTransportCipher> {
  await sodium.ready;
  return (key) => new SodiumCipher(key);
}

class SodiumCipher implements TransportCipher {
  readonly #key: Uint8Array;
  readonly #nonce = new Uint8Array(NONCE_LENGTH);
  readonly #counter = new DataView(this.#nonce.buffer);
  #ended = false;

  constructor(key: Uint8Array) {
    this.#key = key.slice();
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
    this.#setNonce(counterLow, counterHigh);
    const plaintext = source.bytes.subarray(sourceOffset, sourceOffset + length);
    target.bytes.set(
      sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, null, null, this.#nonce, this.#key),
      targetOffset,
    );
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
    this.#setNonce(counterLow, counterHigh);
    if (length < TAG_LENGTH) return false;
    const sealed = source.bytes.subarray(sourceOffset, sourceOffset + length);
    try {
      target.bytes.set(
        sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, sealed, null, this.#nonce, this.#key),
        targetOffset,
      );
      return true;
    } catch {
      // This is how libsodium-wrappers says that the tag is wrong.
      return false;
    }
  }

  destroy(): void {
    wipe(this.#key);
    this.#ended = true;
  }

  #setNonce(low: number, high: number): void {
    if (this.#ended) throw new WarrenError('internal', 'a cipher was used after its end');
    this.#counter.setUint32(4, low, true);
    this.#counter.setUint32(8, high, true);
  }
}
