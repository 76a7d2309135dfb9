/** Another relay becomes the home only if it is so much better: a home that changes is one that peers have to hear of. */
const LEAST_GAIN = 10;
const LEAST_RATIO = 2 / 3;

/** A relay as it was measured. */
export interface RelayLatency {
  readonly id: string;
  /** Round trip in milliseconds; null if it did not answer. */
  readonly latency: number | null;
}

/**
 * The relay that a host stays connected to, so that others reach it there: the nearest, but the one it has had unless another
 * is 10 ms better and under two thirds of it, or that one is gone. Null when none answers. Of equals the first by id.
 */
export function chooseHome(current: string | null, relays: readonly RelayLatency[]): string | null {
  let best: { id: string; latency: number } | null = null;
  let had: number | null = null;
  for (const { id, latency } of relays) {
    if (latency === null) continue;
    if (id === current) had = latency;
    if (best === null || latency < best.latency || (latency === best.latency && id < best.id)) {
      best = { id, latency };
    }
  }
  if (best === null) return null;
  if (had === null) return best.id;
  return best.latency <= had - LEAST_GAIN && best.latency < had * LEAST_RATIO ? best.id : current;
}
