import { createHash, randomBytes } from 'node:crypto';

/** 256 random bits as base64url: for cookies, links, keys. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** What is kept of a secret. Without salt or work, which are for secrets that can be guessed. */
export function hashSecret(secret: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(secret).digest());
}
