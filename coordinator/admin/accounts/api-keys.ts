import type { Clock } from '../../../shared/clock.ts';
import type { AccountDecision, ApiKeyRecord, NewApiKey, UserRecord } from '../../store/accounts/accounts.ts';
import type { Store } from '../../store/store.ts';
import { hashSecret, newSecret } from './secrets.ts';

/** By which scanners of repositories know a key that was committed. */
const PREFIX = 'warren_key_';
const TOUCH_INTERVAL = 60_000;

/** Keys for programs that use the HTTP API, as `Authorization: Bearer KEY`. */
export class ApiKeys {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Makes a key; its secret is told here and never again. */
  async create(
    key: Omit<NewApiKey, 'secretHash'>,
    by: AccountDecision,
  ): Promise<{ key: ApiKeyRecord; secret: string }> {
    const secret = `${PREFIX}${newSecret()}`;
    return {
      key: await this.#store.accounts.createApiKey({ ...key, secretHash: hashSecret(secret) }, by),
      secret,
    };
  }

  /** The key of an Authorization header, and whose it is; null for none that is good. */
  async find(header: string): Promise<{ key: ApiKeyRecord; user: UserRecord } | null> {
    const secret = /^bearer +(\S+)$/i.exec(header)?.[1];
    if (secret === undefined || !secret.startsWith(PREFIX)) return null;
    const found = await this.#store.accounts.apiKey(hashSecret(secret));
    if (found === null) return null;
    const now = this.#clock.wall();
    const { id, expiresAt, lastUsedAt } = found.key;
    if (expiresAt !== 0 && now >= expiresAt) return null;
    if (now - lastUsedAt >= TOUCH_INTERVAL) await this.#store.accounts.touchApiKey(id, now);
    return found;
  }
}
