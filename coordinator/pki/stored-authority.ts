import { WarrenError } from '../../shared/errors.ts';
import { wipe } from '../../shared/key.ts';
import type { Store } from '../store/store.ts';
import { sha256 } from './sha256.ts';

/** Under this name the store keeps the certificate authority. */
export const AUTHORITY = 'authority';

/** A certificate authority as it is stored. */
export interface StoredAuthority {
  /** DER. */
  certificate: Uint8Array;
  /** PKCS #8; whoever reads it wipes it. */
  key: Uint8Array;
}

export function formatAuthority({ certificate, key }: StoredAuthority): Uint8Array {
  const pair = {
    certificate: Buffer.from(certificate).toString('base64'),
    key: Buffer.from(key).toString('base64'),
  };
  return new TextEncoder().encode(JSON.stringify(pair));
}

/** Throws `corrupt`. */
export function parseAuthority(bytes: Uint8Array): StoredAuthority {
  try {
    const pair = JSON.parse(new TextDecoder().decode(bytes)) as { certificate: string; key: string };
    return { certificate: Buffer.from(pair.certificate, 'base64'), key: Buffer.from(pair.key, 'base64') };
  } catch (cause) {
    throw unreadable(cause);
  }
}

/**
 * SHA-256 of the certificate, as tokens carry it, without the libraries that certificates are made with. Throws `not-found` where
 * `serve` has not made it yet.
 */
export async function authorityPin(store: Store): Promise<Uint8Array> {
  const stored = await store.secret(AUTHORITY);
  if (stored === null) {
    throw new WarrenError('not-found', 'the coordinator has no certificate yet', {
      hint: 'start `coordinator serve` first, with the same folder',
    });
  }
  const { certificate, key } = parseAuthority(stored);
  wipe(key);
  wipe(stored);
  return sha256(certificate);
}

/** That what is stored is no authority. */
export function unreadable(cause: unknown): WarrenError {
  return new WarrenError('corrupt', "the coordinator's certificate authority cannot be read", {
    hint: 'restore the data folder from a backup',
    cause,
  });
}
