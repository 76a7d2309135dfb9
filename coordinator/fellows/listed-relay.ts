import type { Clock } from '../../shared/clock.ts';
import { describeError, WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { isOwnRelayId } from '../relay/own-relay.ts';
import type { RelayView } from '../store/contract/relays.ts';
import type { Store } from '../store/store.ts';

const HOUR = 60 * 60_000;
/** A coordinator that was not there for so long is gone for good, and agents are told of it no longer. */
const KEPT = 7 * 24 * HOUR;

/** Keeps this coordinator among the relays that agents are told of, and has those forgotten that are gone. */
export class ListedRelay {
  readonly #store: Store;
  readonly #relay: RelayView & { name: string };
  readonly #clock: Clock;
  readonly #timer: NodeJS.Timeout;

  constructor(store: Store, relay: RelayView & { name: string }, clock: Clock, log: Logger) {
    this.#store = store;
    this.#relay = relay;
    this.#clock = clock;
    this.#timer = setInterval(() => {
      this.keep().catch((error: unknown) =>
        log.warn({ reason: describeError(error) }, 'the list of coordinators was not kept; trying again'),
      );
    }, HOUR);
  }

  /** Throws what the store throws. */
  async keep(): Promise<void> {
    const now = this.#clock.wall();
    await this.#store.putRelay(this.#relay, now);
    for (const { id, lastSeenAt } of await this.#store.listRelays()) {
      if (!isOwnRelayId(id) || id === this.#relay.id || now - lastSeenAt < KEPT) continue;
      await this.#store.removeRelay(id, now, { actor: 'system', source: 'gone' }).catch(unlessRemoved);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** Another coordinator was first. */
function unlessRemoved(error: unknown): void {
  if (!(error instanceof WarrenError) || error.code !== 'not-found') throw error;
}
