import { describeError } from '../shared/errors.ts';
import type { Logger } from '../shared/log.ts';
import type { State } from './state/state.ts';
import { isAfter } from './wireguard/tai64n.ts';

/** How far ahead a reservation goes, in seconds: a restart within that time costs nothing but this. */
const AHEAD = 10;

/**
 * Keeps the newest TAI64N on disk, so that a clock set back between two runs blocks no handshake. It stores a reservation a
 * little ahead and writes again only when that is used up, not at every handshake.
 */
export class TimestampKeeper {
  readonly #state: State;
  readonly #log: Logger;
  #reserved: Uint8Array | null;

  constructor(state: State, log: Logger) {
    this.#state = state;
    this.#log = log;
    this.#reserved = state.lastTimestamp();
  }

  get last(): Uint8Array | undefined {
    return this.#reserved ?? undefined;
  }

  sent(timestamp: Uint8Array): void {
    if (this.#reserved !== null && !isAfter(timestamp, this.#reserved)) return;
    const reserved = timestamp.slice();
    const view = new DataView(reserved.buffer);
    view.setBigUint64(0, view.getBigUint64(0) + BigInt(AHEAD));
    this.#reserved = reserved;
    try {
      this.#state.saveTimestamp(reserved);
    } catch (error) {
      this.#log.warn({ reason: describeError(error) }, 'the timestamp was not stored');
    }
  }
}
