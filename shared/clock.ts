/** The two clocks of a host. Code that decides by time takes one of these, so that tests can hold a virtual one. */
export interface Clock {
  /** Milliseconds from an arbitrary start; never runs backwards, does not jump when the wall clock is set. */
  monotonic(): number;
  /** Milliseconds since 1970-01-01 UTC; can jump either way. */
  wall(): number;
}

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
};
