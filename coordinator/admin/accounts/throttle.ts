import type { Clock } from '../../../shared/clock.ts';
import { clientNetwork } from './client-network.ts';

/** So many failures in a row are let pass. */
export const FREE_FAILURES = 10;
/** The first wait, doubled by each further failure. Milliseconds. */
const FIRST_WAIT = 30_000;
const LONGEST_WAIT = 60 * 60_000;
/** Failures are forgotten this long after the last. */
const FORGET_AFTER = 24 * 60 * 60_000;
/** Names and addresses to remember; the one whose last failure is longest ago gives way. */
const MAX_KEYS = 20_000;

interface Failures {
  count: number;
  lastAt: number;
  /** Nothing is tried before. */
  blockedUntil: number;
  /** Whether somebody was told to wait since. */
  isTold: boolean;
}

export interface Wait {
  seconds: number;
  /** Whether it is the first answer of this kind since the last attempt: a flood of them is worth one row in the audit log. */
  isNew: boolean;
}

/**
 * Slows guessing down, per account (of a browser that is known for it: per browser) and per address (SEC-57). Every attempt counts as a failure as soon as it begins, so that many
 * at once are no more than ten; a success takes that back.
 */
export class Throttle {
  readonly #clock: Clock;
  readonly #accounts = new Map<string, Failures>();
  readonly #addresses = new Map<string, Failures>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Begins an attempt: null when it may go on, otherwise how long to wait. `account`: whatever name was given, or by what else
   * guesses at an account are counted; null where what is tried is no account's.
   */
  attempt(account: string | null, address: string): Wait | null {
    const now = this.#clock.monotonic();
    const keys: [Map<string, Failures>, string][] = [[this.#addresses, clientNetwork(address)]];
    if (account !== null) keys.push([this.#accounts, account.trim().toLowerCase()]);
    let longest: Failures | undefined;
    for (const [map, key] of keys) {
      const failures = map.get(key);
      if ((failures?.blockedUntil ?? 0) > (longest?.blockedUntil ?? now)) longest = failures;
    }
    if (longest !== undefined) {
      const isNew = !longest.isTold;
      longest.isTold = true;
      return { seconds: Math.ceil((longest.blockedUntil - now) / 1000), isNew };
    }
    // Only what is let pass is remembered: whoever waits could else have other names forgotten by giving many.
    for (const [map, key] of keys) {
      const failures = of(map, key, now);
      failures.count++;
      failures.lastAt = now;
      failures.isTold = false;
      const over = failures.count - FREE_FAILURES;
      if (over >= 0) failures.blockedUntil = now + Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** over);
    }
    return null;
  }

  /** The attempt was none of guessing. What others failed from the address stays counted. */
  succeeded(account: string | null, address: string): void {
    if (account !== null) this.#accounts.delete(account.trim().toLowerCase());
    const failures = this.#addresses.get(clientNetwork(address));
    if (failures === undefined) return;
    failures.count = Math.max(0, failures.count - 1);
    if (failures.count < FREE_FAILURES) failures.blockedUntil = 0;
  }
}

function of(map: Map<string, Failures>, key: string, now: number): Failures {
  const known = map.get(key);
  const failures =
    known !== undefined && now - known.lastAt < FORGET_AFTER
      ? known
      : { count: 0, lastAt: now, blockedUntil: 0, isTold: false };
  // At the end of the map's order: whoever failed last.
  map.delete(key);
  map.set(key, failures);
  if (map.size > MAX_KEYS) map.delete(map.keys().next().value as string);
  return failures;
}
