import { randomBytes } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import { hashSecret } from './secrets.ts';

/** RFC 6238 with what every authenticator app takes: SHA-1, six digits, 30 seconds. */
const PERIOD = 30;
/** Steps before and after the clock's that are taken: clocks of telephones differ (RFC 6238, 5.2). */
const WINDOW = 1;
const RECOVERY_CODES = 10;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** A fresh secret, base32. */
export function newTotpSecret(): string {
  return new Secret({ size: 20 }).base32;
}

/** What an authenticator app reads from the QR code. */
export function totpUri(secret: string, userName: string, host: string): string {
  return totp(secret, userName, `Warren ${host}`).toString();
}

/** The time step that a code is of, or null for a wrong one. `now`: milliseconds of the wall clock. */
export function totpStep(secret: string, code: string, now: number): number | null {
  const token = code.replace(/\s/g, '');
  if (!/^\d{6}$/.test(token)) return null;
  const delta = totp(secret, '', 'Warren').validate({ token, timestamp: now, window: WINDOW });
  return delta === null ? null : Math.floor(now / 1000 / PERIOD) + delta;
}

/** For the day the telephone is lost; each has 80 random bits. */
export function newRecoveryCodes(): string[] {
  return Array.from({ length: RECOVERY_CODES }, () => {
    const letters = Array.from(randomBytes(16), (byte) => BASE32[byte % 32]).join('');
    return (letters.match(/.{4}/g) as string[]).join('-');
  });
}

/** What is kept of a recovery code, however it is typed. */
export function hashRecoveryCode(code: string): Uint8Array {
  return hashSecret(`recovery ${code.toLowerCase().replace(/[^a-z2-7]/g, '')}`);
}

function totp(secret: string, label: string, issuer: string): TOTP {
  return new TOTP({ secret: Secret.fromBase32(secret), label, issuer, period: PERIOD, digits: 6 });
}
