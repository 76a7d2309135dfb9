/** CLOCK_MONOTONIC in milliseconds. Unlike performance.now(), which begins anew in each thread, it is the same in all. */
const base = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export function monotonicNow(): number {
  return performance.now() + base;
}
