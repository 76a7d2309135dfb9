import { wipe } from '../../shared/key.ts';
import { LABEL_COOKIE, LABEL_MAC1 } from './constants.ts';
import { clamp, hash, publicKeyOf } from './crypto.ts';

const encoder = new TextEncoder();

/** What a public key is used for besides Diffie-Hellman; made once a key. */
export interface PublicIdentity {
  readonly publicKey: Uint8Array;
  /** HASH(LABEL_MAC1 || public key): keys the mac1 of messages to its owner. */
  readonly mac1Key: Uint8Array;
  /** HASH(LABEL_COOKIE || public key): keys the cookie replies of its owner. */
  readonly cookieKey: Uint8Array;
}

/** This device's own key pair. */
export interface OwnIdentity extends PublicIdentity {
  readonly privateKey: Uint8Array;
}

export function publicIdentity(publicKey: Uint8Array): PublicIdentity {
  return {
    publicKey: publicKey.slice(),
    mac1Key: hash(encoder.encode(LABEL_MAC1), publicKey),
    cookieKey: hash(encoder.encode(LABEL_COOKIE), publicKey),
  };
}

/** Copies the private key; `forgetIdentity` wipes the copy. */
export function ownIdentity(privateKey: Uint8Array): OwnIdentity {
  const own = privateKey.slice();
  clamp(own);
  return { ...publicIdentity(publicKeyOf(own)), privateKey: own };
}

export function forgetIdentity(identity: OwnIdentity): void {
  wipe(identity.privateKey);
}
