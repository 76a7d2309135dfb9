/** The tunnel's clock, in all of its threads: CLOCK_BOOTTIME in milliseconds. */
export { boottime as monotonicNow } from '../../shared/clock.ts';
