import { X509Certificate } from 'node:crypto';

const DAY = 24 * 60 * 60 * 1000;

/**
 * What X.509 says of how long our certificates last is made for hosts whose clocks are ten years off, either way: those check
 * it by their own. They begin when no clock is earlier (RFC 5280 4.1.2.5.1), and end long after anybody renews them.
 */
export const CERTIFICATE_BEGIN = 0;
export const CERTIFICATE_LIFE = 20 * 365 * DAY;
/** RFC 5280 4.1.2.5: no end. For the authority, which tokens pin: what ends it is another one. */
export const NO_END = Date.UTC(9999, 11, 31, 23, 59, 59);

/** What counts is the age, by the coordinator's clock: whoever holds a certificate renews it after this long … */
export const RENEW_AFTER = 60 * DAY;
/** … and the coordinator takes none that is older than this. */
export const REFUSE_AFTER = 90 * DAY;

/** Milliseconds since a certificate (DER) of ours was issued. `now` is the coordinator's clock, as well as it is known. */
export function ageOf(certificate: Uint8Array, now: number): number {
  return now - (new X509Certificate(certificate).validToDate.getTime() - CERTIFICATE_LIFE);
}

export function isRenewalDue(certificate: Uint8Array, now: number): boolean {
  return ageOf(certificate, now) >= RENEW_AFTER;
}
