const FIRST = 500;
const MOST = 30_000;

/**
 * How long to wait before the next try, milliseconds: exponential with full jitter, so that a thousand agents which lost
 * their coordinator at one moment do not come back at one. `random` is uniform in [0, 1).
 */
export function backoff(failures: number, random: number): number {
  const ceiling = Math.min(MOST, FIRST * 2 ** Math.min(failures, 16));
  return Math.round(FIRST / 2 + random * (ceiling - FIRST / 2));
}
