import { wipe } from '../../shared/key.ts';
import { x25519KeyPair, x25519PublicKey } from '../../shared/key-proof.ts';
import type { Store } from '../store/store.ts';
import { Authority } from './authority.ts';
import { AUTHORITY } from './stored-authority.ts';

const PROOF_KEY = 'proof-key';

/** The coordinator's authority, made at the first start. Several coordinators on one database agree on the first one stored. */
export async function loadAuthority(store: Store): Promise<Authority> {
  const stored =
    (await store.secret(AUTHORITY)) ?? (await store.putSecretOnce(AUTHORITY, await Authority.create()));
  const authority = await Authority.load(stored);
  wipe(stored);
  return authority;
}

/** The X25519 key against which agents prove their WireGuard keys. */
export async function loadProofKey(store: Store): Promise<{ privateKey: Uint8Array; publicKey: Uint8Array }> {
  const privateKey =
    (await store.secret(PROOF_KEY)) ??
    (await store.putSecretOnce(PROOF_KEY, (await x25519KeyPair()).privateKey));
  return { privateKey, publicKey: await x25519PublicKey(privateKey) };
}
