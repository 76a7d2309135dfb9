import type { Clock } from '../../../shared/clock.ts';
import type { Ticket, TicketKind } from '../../store/accounts/accounts.ts';
import type { Store } from '../../store/store.ts';
import { hashSecret, newSecret } from './secrets.ts';

const MINUTE = 60_000;

/** How long each kind is good for, in milliseconds. */
export const LIFETIMES: Readonly<Record<TicketKind, number>> = {
  'first-run': 60 * MINUTE,
  welcome: 3 * 24 * 60 * MINUTE,
  'second-factor': 10 * MINUTE,
  passkey: 10 * MINUTE,
  'new-passkey': 10 * MINUTE,
  oidc: 10 * MINUTE,
};

/** What is good once and for a while. Only hashes are stored, for any coordinator of the network to take. */
export class Tickets {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The secret of a new one. */
  async issue(kind: TicketKind, userId: string | null, data: unknown = null): Promise<string> {
    const secret = newSecret();
    await this.#store.accounts.putTicket({
      kind,
      hash: hashSecret(secret),
      userId,
      data: JSON.stringify(data),
      expiresAt: this.#clock.wall() + LIFETIMES[kind],
    });
    return secret;
  }

  /** Looks at one without using it up; null for one that is not good. */
  async peek(kind: TicketKind, secret: string): Promise<Ticket | null> {
    return this.#store.accounts.ticket(kind, hashSecret(secret), this.#clock.wall());
  }

  async take(kind: TicketKind, secret: string): Promise<Ticket | null> {
    return this.#store.accounts.takeTicket(kind, hashSecret(secret), this.#clock.wall());
  }
}
