import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../../shared/clock.ts';
import type { UserRecord } from '../../store/accounts/accounts.ts';

/** How long a browser is known after its last sign-in, in milliseconds. */
export const KNOWN_FOR = 90 * 24 * 60 * 60 * 1000;

/**
 * Browsers in which somebody signed in before carry a cookie that says so ("device cookies", OWASP: Slow Down Online Guessing
 * Attacks with Device Cookies). Guesses from them are counted apart from those of everybody else, so nobody who only knows a name
 * can keep its owner locked out. The cookie is no secret of signing in: it opens nothing.
 *
 * `ISSUED.NONCE.MAC`: milliseconds in base 36, 16 random bytes, and HMAC-SHA-256 over both, the user's id and `browserEpoch`, by
 * a key of the coordinator's `accounts.key`. Signing out everywhere and a new passphrase raise the epoch.
 */
export class KnownBrowsers {
  readonly #key: Uint8Array;
  readonly #clock: Clock;

  constructor(accountsKey: Uint8Array, clock: Clock) {
    this.#key = new Uint8Array(hkdfSync('sha256', accountsKey, '', 'warren known browsers', 32));
    this.#clock = clock;
  }

  /** The cookie of a browser in which a user has just signed in. */
  issue(user: UserRecord): string {
    const issued = this.#clock.wall().toString(36);
    const nonce = randomBytes(16).toString('hex');
    return `${issued}.${nonce}.${this.#mac(user, issued, nonce).toString('base64url')}`;
  }

  /**
   * Under which name guesses of a browser at a user's passphrase are counted; null for a browser that is not known for that user.
   * For a user that is not there it does the same work, and gives null.
   */
  bucket(cookie: string, user: UserRecord | null): string | null {
    const [issued = '', nonce = '', mac = ''] = cookie.split('.');
    const wanted = this.#mac(user, issued, nonce);
    const given = Buffer.alloc(wanted.length);
    given.set(Buffer.from(mac, 'base64url').subarray(0, wanted.length));
    const isGenuine = timingSafeEqual(wanted, given) && user !== null;
    const age = this.#clock.wall() - Number.parseInt(issued, 36);
    return isGenuine && age < KNOWN_FOR ? `browser ${nonce}` : null;
  }

  #mac(user: UserRecord | null, issued: string, nonce: string): Buffer {
    const told = JSON.stringify([user?.id ?? '', user?.browserEpoch ?? 0, issued, nonce]);
    return createHmac('sha256', this.#key).update(told).digest();
  }
}
