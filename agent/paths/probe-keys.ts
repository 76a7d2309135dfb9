import { wipe } from '../../shared/key.ts';
import { dh, hash, kdf } from '../wireguard/crypto.ts';

const encoder = new TextEncoder();
const LABEL_TAG = encoder.encode('Warren probes v1: tag');
const LABEL_KEYS = encoder.encode('Warren probes v1: keys');

/** Keys for what two agents tell each other about paths, one for each direction. */
export interface ProbeKeys {
  /** 32 bytes each. */
  sending: Uint8Array;
  receiving: Uint8Array;
}

/**
 * The 6 bytes by which a receiver knows who a probe is from before any cryptography, as one number. It is made of both public
 * keys alone, so that a thousand peers cost a thousand hashes and no Diffie-Hellman; like WireGuard's mac1 it shows who
 * talks only to somebody who knows both public keys, and proves nothing.
 */
export function probeTag(sender: Uint8Array, receiver: Uint8Array): number {
  const digest = hash(LABEL_TAG, sender, receiver);
  return (
    new DataView(digest.buffer, digest.byteOffset).getUint32(0) * 65_536 +
    (digest[4] as number) * 256 +
    (digest[5] as number)
  );
}

/**
 * Keys out of the static keys of both ends, null where their Diffie-Hellman result is all zero. WireGuard puts the same
 * result into its handshake, as the input of an HKDF under a chaining key that is fresh each time. Here the HKDF is keyed by a
 * label of its own and both public keys, so what one protocol derives says nothing about the other (RFC 5869, section 3.1),
 * and neither ever shows the result itself. A key for each direction makes a probe that is sent back to its sender invalid.
 * The keys have no forward secrecy, as they outlive sessions: probes carry addresses and random numbers, never traffic.
 */
export function probeKeys(ownPrivate: Uint8Array, ownPublic: Uint8Array, peer: Uint8Array): ProbeKeys | null {
  const shared = dh(ownPrivate, peer);
  if (shared === null) return null;
  const isFirst = comesBefore(ownPublic, peer);
  const salt = isFirst ? hash(LABEL_KEYS, ownPublic, peer) : hash(LABEL_KEYS, peer, ownPublic);
  const [fromFirst, fromSecond] = kdf(2, salt, shared) as [Uint8Array, Uint8Array];
  wipe(shared);
  return isFirst
    ? { sending: fromFirst, receiving: fromSecond }
    : { sending: fromSecond, receiving: fromFirst };
}

function comesBefore(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
