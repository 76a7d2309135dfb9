import { blake2s } from '@noble/hashes/blake2.js';
import { hmac } from '@noble/hashes/hmac.js';
import sodium from 'libsodium-wrappers';
import { wipe } from '../../shared/key.ts';
import { TAG_LENGTH } from './aead.ts';

/** Section 5.4 of the paper: the functions that handshakes and cookies are made of. Nothing here is on the path of data. */

/** Must have resolved before anything else of the core is used: libsodium is WebAssembly and loads asynchronously. */
export async function cryptoReady(): Promise<void> {
  await sodium.ready;
}

/** Hash(): BLAKE2s of the parts one after the other, 32 bytes. */
export function hash(...parts: readonly Uint8Array[]): Uint8Array {
  const state = blake2s.create();
  for (const part of parts) state.update(part);
  return state.digest();
}

/** Mac(): keyed BLAKE2s with 16 bytes of output. */
export function mac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const state = blake2s.create({ key, dkLen: 16 });
  for (const part of parts) state.update(part);
  return state.digest();
}

/** Kdf_n(): HKDF (RFC 5869) over HMAC-BLAKE2s, as `count` outputs of 32 bytes. The caller wipes them. */
export function kdf(count: 1 | 2 | 3, key: Uint8Array, input: Uint8Array): Uint8Array[] {
  const secret = hmac(blake2s, key, input);
  const outputs: Uint8Array[] = [];
  let last: Uint8Array = new Uint8Array(0);
  for (let n = 1; n <= count; n++) {
    const block = new Uint8Array(last.length + 1);
    block.set(last);
    block[last.length] = n;
    last = hmac(blake2s, secret, block);
    wipe(block);
    outputs.push(last);
  }
  wipe(secret);
  return outputs;
}

/** Clamps 32 random bytes to an X25519 private key (RFC 7748, section 5), in place. */
export function clamp(key: Uint8Array): void {
  key[0] = (key[0] as number) & 248;
  key[31] = ((key[31] as number) & 127) | 64;
}

/** The X25519 public key of a private key. */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  return sodium.crypto_scalarmult_base(privateKey);
}

/** DH(): the X25519 shared secret, or null where it is all zero because the public key has a low order. */
export function dh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | null {
  try {
    const shared = sodium.crypto_scalarmult(privateKey, publicKey);
    return isZero(shared) ? null : shared;
  } catch {
    // libsodium refuses points of low order, which anybody may put into a message, with an exception.
    return null;
  }
}

const ZERO_NONCE = new Uint8Array(12);

/** Aead() with counter 0, which is all that handshakes use. Returns ciphertext and tag. */
export function seal(key: Uint8Array, plaintext: Uint8Array, additional: Uint8Array): Uint8Array {
  return sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, additional, null, ZERO_NONCE, key);
}

/** The plaintext of `sealed`, or null if it was not sealed with this key and additional data. */
export function open(key: Uint8Array, sealed: Uint8Array, additional: Uint8Array): Uint8Array | null {
  if (sealed.length < TAG_LENGTH) return null;
  try {
    return sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, sealed, additional, ZERO_NONCE, key);
  } catch {
    return null;
  }
}

/** Xaead(): XChaCha20-Poly1305 with a random nonce of 24 bytes. */
export function xaeadSeal(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  additional: Uint8Array,
): Uint8Array {
  return sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, additional, null, nonce, key);
}

export function xaeadOpen(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  additional: Uint8Array,
): Uint8Array | null {
  if (sealed.length < TAG_LENGTH) return null;
  try {
    return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, additional, nonce, key);
  } catch {
    return null;
  }
}

/** Whether two byte strings are equal, in a time that depends on their lengths only. */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** Whether every byte is zero, in a time that depends on the length only. */
export function isZero(bytes: Uint8Array): boolean {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum |= bytes[i] as number;
  return sum === 0;
}
