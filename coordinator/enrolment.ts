import { randomBytes } from 'node:crypto';
import { formatJoinToken } from '../shared/join-token.ts';
import { sha256 } from './pki/sha256.ts';
import type { AuditActor } from './store/contract/audit.ts';
import type { NewToken, TokenRecord } from './store/contract/tokens.ts';
import type { Store } from './store/store.ts';

/** What every token carries beside its secret. */
export interface Enrolment {
  /** How agents reach the coordinator. */
  urls: readonly string[];
  /** SHA-256 of the CA certificate. */
  pin: Uint8Array;
}

/** Makes a token. The text holds the secret, which is stored nowhere: whoever asked for it is the only one to see it. */
export async function makeToken(
  store: Store,
  { urls, pin }: Enrolment,
  wanted: Omit<NewToken, 'secretHash'>,
  by: AuditActor,
): Promise<{ record: TokenRecord; text: string }> {
  const secret = new Uint8Array(randomBytes(32));
  const record = await store.createToken({ ...wanted, secretHash: sha256(secret) }, by);
  return { record, text: formatJoinToken({ urls: [...urls], pin, secret }) };
}

export type TokenState = 'good' | 'used' | 'expired' | 'revoked';

/** What became of a token. */
export function tokenState(token: TokenRecord, now: number): TokenState {
  if (token.revokedAt !== null) return 'revoked';
  if (token.expiresAt <= now) return 'expired';
  return token.maxUses !== null && token.uses >= token.maxUses ? 'used' : 'good';
}
