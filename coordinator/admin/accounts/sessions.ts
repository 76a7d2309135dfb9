import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../../shared/clock.ts';
import type {
  AccountDecision,
  NewSession,
  SessionRecord,
  UserRecord,
} from '../../store/accounts/accounts.ts';
import type { Store } from '../../store/store.ts';
import { hashSecret, newSecret } from './secrets.ts';

export const IDLE_LIFETIME = 12 * 60 * 60 * 1000;
export const ABSOLUTE_LIFETIME = 7 * 24 * 60 * 60 * 1000;
/** So long after signing in or confirming may a session do what could take the account over, or outlive the session. */
export const CONFIRMED_FOR = 10 * 60 * 1000;
/** Between two notes of a session's use. */
const TOUCH_INTERVAL = 60_000;

/** What a browser gets at signing in, each for a cookie. */
export interface SessionSecrets {
  session: string;
  /**
   * Beside the session and renewed by each confirmation: whoever stole the session's cookie is not let on by what its owner
   * confirms later.
   */
  confirmation: string;
}

export interface SignedIn {
  session: SessionRecord;
  user: UserRecord;
}

/** Signed-in browsers. The server decides when a session ends, idle or absolute, by the coordinator's clock. */
export class Sessions {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** A new session, whose owner is confirmed by having signed in. */
  async create(
    session: Omit<NewSession, 'secretHash' | 'confirmationHash'>,
    by: AccountDecision,
  ): Promise<SessionSecrets> {
    const secrets = { session: newSecret(), confirmation: newSecret() };
    const secretHash = hashSecret(secrets.session);
    const confirmationHash = hashSecret(secrets.confirmation);
    await this.#store.accounts.createSession({ ...session, secretHash, confirmationHash }, by);
    return secrets;
  }

  /** Whose session the cookie's value is; null for one that ended. */
  async find(value: string): Promise<SignedIn | null> {
    if (value === '') return null;
    const found = await this.#store.accounts.session(hashSecret(value));
    if (found === null) return null;
    const now = this.#clock.wall();
    const { usedAt, createdAt } = found.session;
    return now - usedAt < IDLE_LIFETIME && now - createdAt < ABSOLUTE_LIFETIME ? found : null;
  }

  /** Until when a session's owner is confirmed, for a browser that shows `confirmation`; null where that is not, or no more. */
  confirmedUntil(session: SessionRecord, confirmation: string): number | null {
    const until = session.confirmedAt + CONFIRMED_FOR;
    if (this.#clock.wall() >= until || session.confirmationHash === null) return null;
    return timingSafeEqual(hashSecret(confirmation), session.confirmationHash) ? until : null;
  }

  /** The owner proved anew who they are; the new value for the cookie. */
  async confirm(session: SessionRecord, method: string, by: AccountDecision): Promise<string> {
    const value = newSecret();
    await this.#store.accounts.confirmSession(session.id, hashSecret(value), method, by);
    return value;
  }

  /** Keeps a session from idling out, for something a person did. */
  async touch(session: SessionRecord): Promise<void> {
    const now = this.#clock.wall();
    if (now - session.usedAt >= TOUCH_INTERVAL) await this.#store.accounts.touchSession(session.id, now);
  }
}
