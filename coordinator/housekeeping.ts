import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/log.ts';
import { ABSOLUTE_LIFETIME, IDLE_LIFETIME } from './admin/accounts/sessions.ts';
import type { Store } from './store/store.ts';

const DAY = 24 * 60 * 60 * 1000;
const INTERVAL = 60_000;
/** An ephemeral node that has been away for this long is removed. */
export const EPHEMERAL_LIFETIME = 5 * 60_000;
const AUDIT_KEPT = 400 * DAY;
/** An agent that was away for longer gets the whole map instead of differences. */
const REMOVALS_KEPT = 30 * DAY;

/** What has to be done now and then: ephemeral nodes that vanished are removed, old history is forgotten. */
export class Housekeeping {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #prunedAt = Number.NEGATIVE_INFINITY;

  constructor(store: Store, clock: Clock, log: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#timer = setInterval(() => {
      this.run().catch((error: unknown) =>
        this.#log.warn({ err: error }, 'housekeeping failed; trying again'),
      );
    }, INTERVAL);
  }

  async run(): Promise<void> {
    const now = this.#clock.wall();
    for (const node of await this.#store.listNodes()) {
      if (!node.ephemeral || node.online || now - node.lastSeenAt < EPHEMERAL_LIFETIME) continue;
      // It may have come back meanwhile, and another coordinator may have been first.
      const by = { actor: 'system', source: 'ephemeral node was away' };
      await this.#store.removeIfAway(node.id, now - EPHEMERAL_LIFETIME, now, by);
    }
    if (this.#clock.monotonic() - this.#prunedAt < DAY) return;
    this.#prunedAt = this.#clock.monotonic();
    const ended = { used: now - IDLE_LIFETIME, created: now - ABSOLUTE_LIFETIME };
    await this.#store.accounts.pruneAccounts(ended, now);
    await this.#store.prune({ audit: now - AUDIT_KEPT, removed: now - REMOVALS_KEPT }, now, DAY / 2);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
