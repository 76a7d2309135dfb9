import { MinuteRing } from './minute-ring.ts';

/** Series in all: with a day in each some 24 MB. The one that was quiet for longest makes room. */
const MAX_SERIES = 4_096;
/** Series of one node, so that one that talks to thousands leaves room for the others. */
const MAX_OF_NODE = 32;

/** Round trips by the minute, for each node to the peers that it talked to most lately. Milliseconds. */
export class LatencyHistory {
  /** By node and by peer, the longest quiet first. */
  readonly #byNode = new Map<string, Map<string, MinuteRing>>();
  #size = 0;

  record(nodeId: string, peerId: string, minute: number, latency: number): void {
    const series = this.#byNode.get(nodeId) ?? new Map<string, MinuteRing>();
    let ring = series.get(peerId);
    if (ring === undefined) {
      ring = new MinuteRing(1, Number.NaN);
      this.#size++;
    }
    series.delete(peerId);
    series.set(peerId, ring);
    ring.set(minute, 0, latency);
    this.#byNode.delete(nodeId);
    this.#byNode.set(nodeId, series);
    if (series.size > MAX_OF_NODE) this.#dropOldest(nodeId, series);
    while (this.#size > MAX_SERIES) {
      const [longestQuiet] = this.#byNode as Iterable<[string, Map<string, MinuteRing>]>;
      if (longestQuiet !== undefined) this.#dropOldest(...longestQuiet);
    }
  }

  /** By peer, the busiest of late last. */
  of(nodeId: string): ReadonlyMap<string, MinuteRing> {
    return this.#byNode.get(nodeId) ?? new Map();
  }

  forget(nodeId: string): void {
    this.#size -= this.#byNode.get(nodeId)?.size ?? 0;
    this.#byNode.delete(nodeId);
  }

  #dropOldest(nodeId: string, series: Map<string, MinuteRing>): void {
    const [oldest] = series.keys();
    if (oldest !== undefined && series.delete(oldest)) this.#size--;
    if (series.size === 0) this.#byNode.delete(nodeId);
  }
}
