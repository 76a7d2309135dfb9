import sodium from 'libsodium-wrappers';
import { type CreateTransportCipher, TAG_LENGTH } from '../../agent/wireguard/aead.ts';

/** The transport cipher at its plainest, by libsodium, for tests and simulations. `cryptoReady()` must have resolved. */
export const createReferenceCipher: CreateTransportCipher = (key) => {
  const own = key.slice();
  const nonce = new Uint8Array(12);
  const words = new DataView(nonce.buffer);
  const setCounter = (low: number, high: number) => {
    words.setUint32(4, low, true);
    words.setUint32(8, high, true);
  };
  return {
    seal(low, high, source, sourceOffset, length, target, targetOffset) {
      setCounter(low, high);
      const plaintext = source.bytes.subarray(sourceOffset, sourceOffset + length);
      const sealed = sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, null, null, nonce, own);
      target.bytes.set(sealed, targetOffset);
    },
    open(low, high, source, sourceOffset, length, target, targetOffset) {
      setCounter(low, high);
      if (length < TAG_LENGTH) return false;
      try {
        const sealed = source.bytes.subarray(sourceOffset, sourceOffset + length);
        target.bytes.set(
          sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, sealed, null, nonce, own),
          targetOffset,
        );
        return true;
      } catch {
        return false;
      }
    },
    destroy() {
      own.fill(0);
    },
  };
};
