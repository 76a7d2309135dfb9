import { KEY_LENGTH, wipe } from '../../shared/key.ts';
import type { SessionKeys } from './noise.ts';
import type { SendCounter } from './send-counter.ts';

/** The send counter, how many workers have yet to take the keys (both 32 bits), the two keys. */
const COUNTER = 0;
const TAKERS = 1;
const SENDING = 8;
const RECEIVING = SENDING + KEY_LENGTH;
const LENGTH = RECEIVING + KEY_LENGTH;

/**
 * Atomics count in 32 bits, so a shared session ends earlier than any other: it would take 24 million packets a second to
 * get there within REJECT_AFTER_TIME. The distance to 2^32 is for workers that look at the counter at the same moment.
 */
const REKEY_AFTER_SHARED_MESSAGES = 2 ** 31;
const REJECT_AFTER_SHARED_MESSAGES = 2 ** 32 - 2 ** 16;

/** Memory for a session that `followers` workers beside the device's take part in, with a copy of its keys. */
export function shareSession(keys: SessionKeys, followers: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(LENGTH);
  const bytes = new Uint8Array(memory);
  bytes.set(keys.sending, SENDING);
  bytes.set(keys.receiving, RECEIVING);
  Atomics.store(new Int32Array(memory, 0, 2), TAKERS, followers);
  return memory;
}

/** Hands the keys to `use` and wipes them if this was the last worker that needed them. Once in each follower. */
export function takeKeys<T>(memory: SharedArrayBuffer, use: (keys: SessionKeys) => T): T {
  const keys = {
    sending: new Uint8Array(memory, SENDING, KEY_LENGTH).slice(),
    receiving: new Uint8Array(memory, RECEIVING, KEY_LENGTH).slice(),
  };
  try {
    return use(keys);
  } finally {
    wipe(keys.sending);
    wipe(keys.receiving);
    if (Atomics.sub(new Int32Array(memory, 0, 2), TAKERS, 1) === 1) wipe(new Uint8Array(memory, SENDING));
  }
}

/** The counter of a session that several threads send with. */
export class SharedCounter implements SendCounter {
  readonly rekeyAfter = REKEY_AFTER_SHARED_MESSAGES;
  readonly rejectAfter = REJECT_AFTER_SHARED_MESSAGES;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, 1);
  }

  get value(): number {
    return Atomics.load(this.#words, COUNTER) >>> 0;
  }

  take(): number {
    if (this.value >= REJECT_AFTER_SHARED_MESSAGES) return -1;
    return Atomics.add(this.#words, COUNTER, 1) >>> 0;
  }
}
