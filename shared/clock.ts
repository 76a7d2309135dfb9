import { uptime } from 'node:os';

/** The two clocks of a host. Code that decides by time takes one of these, so that tests can hold a virtual one. */
export interface Clock {
  /**
   * Milliseconds from an arbitrary start; never runs backwards, does not jump when the wall clock is set, and runs on while
   * the host is suspended: what is old after a sleep is then known to be.
   */
  monotonic(): number;
  /** Milliseconds since 1970-01-01 UTC; can jump either way. */
  wall(): number;
}

export const systemClock: Clock = {
  monotonic: boottime,
  wall: () => Date.now(),
};

/** How often it is looked whether the host slept. A thread that was suspended finds that more than this has passed. */
const LOOK_INTERVAL = 10;
/** Elsewhere than on Linux, where it is a hundredth, uptime() counts whole seconds. */
const TOLERANCE = 2_000;

/** What is to be added to performance.now(), which begins anew in each thread and stands still while the host sleeps. */
let offset = Number(process.hrtime.bigint()) / 1e6 - performance.now();
let lookedAt = Number.NEGATIVE_INFINITY;

/** CLOCK_BOOTTIME in milliseconds, the same in all threads of a program but for what they have not noticed yet (10 ms). */
export function boottime(): number {
  const awake = performance.now();
  if (awake - lookedAt >= LOOK_INTERVAL) {
    lookedAt = awake;
    const ahead = uptime() * 1000 - (awake + offset);
    if (ahead > TOLERANCE) offset += ahead;
  }
  return awake + offset;
}
