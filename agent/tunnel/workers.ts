import { availableParallelism } from 'node:os';

/** More threads than this gain little: what one peer sends is received by one. */
export const MAX_WORKERS = 4;

/**
 * How many threads move packets where the user did not say: half of the cores, for the applications and the kernel need as
 * much for the same traffic.
 */
export function workersByCores(): number {
  return Math.max(1, Math.min(MAX_WORKERS, Math.floor(availableParallelism() / 2)));
}
