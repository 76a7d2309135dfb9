import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';

/** How long a sign-in link is good for, in milliseconds. */
export const CODE_LIFETIME = 60 * 60 * 1000;
/** More unused links than this at once only help an attacker; the oldest goes. */
const MAX_CODES = 16;

/**
 * Codes of sign-in links. Kept in memory and only as hashes: a code is worth a session, lives for an hour, and a restart
 * ends it, which is what one wants of a link that was printed to a terminal.
 */
export class OneTimeCodes {
  readonly #clock: Clock;
  /** Hash of the code to its end on the monotonic clock. */
  readonly #codes = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A fresh code, 256 random bits as base64url. */
  issue(): string {
    const code = randomBytes(32).toString('base64url');
    this.#codes.set(hash(code), this.#clock.monotonic() + CODE_LIFETIME);
    if (this.#codes.size > MAX_CODES) {
      const [oldest] = this.#codes.keys();
      this.#codes.delete(oldest as string);
    }
    return code;
  }

  /** Whether the code was good; it no longer is. Looking up by hash leaves nothing to time. */
  use(code: string): boolean {
    const key = hash(code);
    const end = this.#codes.get(key);
    this.#codes.delete(key);
    return end !== undefined && this.#clock.monotonic() < end;
  }
}

function hash(code: string): string {
  return createHash('sha256').update(code).digest('base64');
}
