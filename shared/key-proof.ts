import { createHmac, timingSafeEqual } from 'node:crypto';
import sodium from 'libsodium-wrappers';
import { wipe } from './key.ts';

const LABEL = 'warren join proof 1';

/**
 * Proof that whoever asks to join holds the private key of a WireGuard public key, bound to the certificate request that it
 * comes with: HMAC-SHA256 under X25519(own private key, the other's public key). Both ends compute the same 32 bytes.
 * Null when the other's key is of low order.
 */
export async function keyProof(
  privateKey: Uint8Array,
  otherPublicKey: Uint8Array,
  wireguardPublicKey: Uint8Array,
  certificateRequest: Uint8Array,
): Promise<Uint8Array | null> {
  await sodium.ready;
  let secret: Uint8Array;
  try {
    secret = sodium.crypto_scalarmult(privateKey, otherPublicKey);
  } catch {
    // libsodium refuses points of low order.
    return null;
  }
  const proof = createHmac('sha256', secret)
    .update(LABEL)
    .update(wireguardPublicKey)
    .update(certificateRequest)
    .digest();
  wipe(secret);
  return new Uint8Array(proof);
}

/** Compares proofs in constant time. */
export function sameProof(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** A fresh X25519 private key and its public key, 32 bytes each. */
export async function x25519KeyPair(): Promise<{ privateKey: Uint8Array; publicKey: Uint8Array }> {
  await sodium.ready;
  const privateKey = sodium.randombytes_buf(32);
  // RFC 7748 section 5; wg(8) shows clamped keys, and so do we.
  privateKey[0] = (privateKey[0] as number) & 248;
  privateKey[31] = ((privateKey[31] as number) & 127) | 64;
  return { privateKey, publicKey: sodium.crypto_scalarmult_base(privateKey) };
}

export async function x25519PublicKey(privateKey: Uint8Array): Promise<Uint8Array> {
  await sodium.ready;
  return sodium.crypto_scalarmult_base(privateKey);
}
