import { REJECT_AFTER_MESSAGES, REKEY_AFTER_MESSAGES } from './constants.ts';

/** Hands out the counters, and so the nonces, of one session's outgoing messages (5.4.6), each of them once. */
export interface SendCounter {
  /** How many were handed out; the next one. */
  readonly value: number;
  /** Above this, the session is to be renewed. */
  readonly rekeyAfter: number;
  /** From here on nothing is handed out. */
  readonly rejectAfter: number;
  /** The next counter, or -1 when the session is used up. */
  take(): number;
}

/** The counter of a session that one thread alone sends with. */
export class OwnCounter implements SendCounter {
  value = 0;
  readonly rekeyAfter = REKEY_AFTER_MESSAGES;
  readonly rejectAfter = REJECT_AFTER_MESSAGES;

  take(): number {
    return this.value < REJECT_AFTER_MESSAGES ? this.value++ : -1;
  }
}
