/** What the rules of joining look at in a token. */
export interface JoinableToken {
  /** How many hosts it admits; null for no limit. */
  readonly maxUses: number | null;
  readonly uses: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
  readonly purpose: 'node' | 'relay';
}

export type Refusal =
  | 'unknown token'
  | 'token for another purpose'
  | 'revoked token'
  | 'expired token'
  | 'used token';

/**
 * Why a token does not admit, or null when it does. The reason is for the audit log alone: who presents a token hears
 * one answer for all of them.
 */
export function tokenRefusal(
  token: JoinableToken | undefined,
  now: number,
  purpose: JoinableToken['purpose'],
): Refusal | null {
  if (token === undefined) return 'unknown token';
  if (token.purpose !== purpose) return 'token for another purpose';
  if (token.revokedAt !== null) return 'revoked token';
  if (token.expiresAt <= now) return 'expired token';
  if (token.maxUses !== null && token.uses >= token.maxUses) return 'used token';
  return null;
}

/** What is known of the member whose key comes with a token that was used up. */
export interface EarlierUse {
  /** By this very token. */
  readonly joinedByToken: boolean;
  readonly keyExpiresAt: number;
}

/**
 * Whether a refusal is lifted because the host whose joining used the token up asks again: the first answer was lost on its way, or
 * with the process that waited for it. Not for a key that was expired in the meantime.
 */
export function isRetry(refusal: Refusal, earlier: EarlierUse | null, now: number): boolean {
  if (refusal !== 'used token' || earlier === null) return false;
  return earlier.joinedByToken && !isExpired(earlier.keyExpiresAt, now);
}

/**
 * What a host that was a member keeps when it joins again with its old key: a token that names tags sets them, one
 * without leaves them; an expiry that has passed is lifted, since joining anew is what it asked for. Who was approved stays so,
 * and who waits for approval is let in by a token that needs none. That it was disabled no token changes.
 */
export function rejoin(
  before: { tags: readonly string[]; keyExpiresAt: number; approved: boolean },
  token: { tags: readonly string[]; approval: boolean },
  now: number,
): { tags: string[]; keyExpiresAt: number; approved: boolean } {
  return {
    approved: before.approved || !token.approval,
    tags: [...(token.tags.length > 0 ? token.tags : before.tags)],
    keyExpiresAt: isExpired(before.keyExpiresAt, now) ? 0 : before.keyExpiresAt,
  };
}

/** Whether a key's time, 0 for never, is over. */
export function isExpired(keyExpiresAt: number, now: number): boolean {
  return keyExpiresAt !== 0 && keyExpiresAt <= now;
}
