import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';

const IDLE_LIFETIME = 12 * 60 * 60 * 1000;
const ABSOLUTE_LIFETIME = 7 * 24 * 60 * 60 * 1000;

interface Session {
  createdAt: number;
  usedAt: number;
}

/**
 * Signed-in browsers. The server decides when a session ends, idle or absolute, on the monotonic clock, so that setting
 * the wall clock neither ends nor prolongs one. Only hashes of the cookies' values are held.
 */
export class Sessions {
  readonly #clock: Clock;
  readonly #sessions = new Map<string, Session>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A new session; the value for the cookie. */
  create(): string {
    const now = this.#clock.monotonic();
    for (const [key, session] of this.#sessions) {
      if (!alive(session, now)) this.#sessions.delete(key);
    }
    const value = randomBytes(32).toString('base64url');
    this.#sessions.set(hash(value), { createdAt: now, usedAt: now });
    return value;
  }

  /** Whether the cookie's value is that of a living session. */
  alive(value: string): boolean {
    const session = this.#sessions.get(hash(value));
    return session !== undefined && alive(session, this.#clock.monotonic());
  }

  /** The same for something a person did, which keeps the session from idling out. */
  touch(value: string): boolean {
    if (!this.alive(value)) return false;
    (this.#sessions.get(hash(value)) as Session).usedAt = this.#clock.monotonic();
    return true;
  }

  revoke(value: string): void {
    this.#sessions.delete(hash(value));
  }
}

function alive(session: Session, now: number): boolean {
  return now - session.usedAt < IDLE_LIFETIME && now - session.createdAt < ABSOLUTE_LIFETIME;
}

function hash(value: string): string {
  return createHash('sha256').update(value).digest('base64');
}
