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
/** Between two notes of a session's use. */
const TOUCH_INTERVAL = 60_000;

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

  /** A new session; the value for the cookie. */
  async create(session: Omit<NewSession, 'secretHash'>, by: AccountDecision): Promise<string> {
    const value = newSecret();
    await this.#store.accounts.createSession({ ...session, secretHash: hashSecret(value) }, by);
    return value;
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

  /** Keeps a session from idling out, for something a person did. */
  async touch(session: SessionRecord): Promise<void> {
    const now = this.#clock.wall();
    if (now - session.usedAt >= TOUCH_INTERVAL) await this.#store.accounts.touchSession(session.id, now);
  }
}
