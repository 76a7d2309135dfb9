import type { Clock } from '../../shared/clock.ts';
import { describeError, WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { isOwnRelayId, ownRelayId } from '../relay/own-relay.ts';
import type { RelayView } from '../store/contract/relays.ts';
import type { Store } from '../store/store.ts';

const INTERVAL = 60 * 60_000;
/** A coordinator that was not there for so long is gone for good: agents need not be told of it. Milliseconds. */
export const MISSED_FOR = 24 * 60 * 60_000;

/** Keeps this coordinator among the relays that agents are told of, and has those of other coordinators forgotten that are gone. */
export class ListedRelay {
  readonly #store: Store;
  readonly #instance: string;
  readonly #relay: RelayView & { name: string };
  readonly #clock: Clock;
  readonly #timer: NodeJS.Timeout;
  /** Since when each relay's coordinator was not there, monotonic. */
  readonly #missing = new Map<string, number>();

  constructor(
    store: Store,
    instance: string,
    relay: RelayView & { name: string },
    clock: Clock,
    log: Logger,
  ) {
    this.#store = store;
    this.#instance = instance;
    this.#relay = relay;
    this.#clock = clock;
    this.#timer = setInterval(() => {
      this.look().catch((error: unknown) =>
        log.warn({ reason: describeError(error) }, 'the list of coordinators was not kept; trying again'),
      );
    }, INTERVAL);
  }

  /** Looks which coordinators there are. Throws what the store throws. */
  async look(): Promise<void> {
    const fellows = await this.#store.coordinators.others(this.#instance);
    const there = new Set(fellows.map(({ instance }) => ownRelayId(instance)));
    const relays = (await this.#store.listRelays()).filter(({ id }) => isOwnRelayId(id));
    const [now, wall] = [this.#clock.monotonic(), this.#clock.wall()];
    // The others removed it, while this coordinator could not reach the database.
    if (!relays.some(({ id }) => id === this.#relay.id)) await this.#store.putRelay(this.#relay, wall);
    for (const { id } of relays) {
      if (id === this.#relay.id || there.has(id)) {
        this.#missing.delete(id);
        continue;
      }
      const since = this.#missing.get(id) ?? now;
      this.#missing.set(id, since);
      if (now - since < MISSED_FOR) continue;
      await this.#store.removeRelay(id, wall, { actor: 'system', source: 'gone' }).catch(unlessRemoved);
      this.#missing.delete(id);
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
