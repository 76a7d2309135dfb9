import { TRAFFIC_TIME, WANTED_TIME } from './constants.ts';

const LONG_AGO = Number.NEGATIVE_INFINITY;

/** Whether anybody has packets for one peer: this host, or the peer, which says so. Then its path is worth some probes. */
export class Activity {
  /** When the traffic under way began, or the last one did. */
  since = LONG_AGO;
  /** When it is over, if no more comes. */
  until = LONG_AGO;
  #lastTraffic = LONG_AGO;
  readonly #onBegin: (now: number) => void;

  /** `onBegin` is called when it begins, and sees it as not begun yet. */
  constructor(onBegin: (now: number) => void) {
    this.#onBegin = onBegin;
  }

  isOn(now: number): boolean {
    return now < this.until;
  }

  /** There is a packet for the peer; whether there was none for a while. Cheap: it runs for every batch. */
  traffic(now: number): boolean {
    const isFirst = now - this.#lastTraffic > TRAFFIC_TIME;
    this.#lastTraffic = now;
    this.#extend(now + TRAFFIC_TIME, now);
    return isFirst;
  }

  /** The peer has packets for this host. */
  wanted(now: number): void {
    this.#extend(now + WANTED_TIME, now);
  }

  /** Whether this host has packets for the peer, not the peer alone for this host. */
  isOwn(now: number): boolean {
    return now - this.#lastTraffic <= TRAFFIC_TIME;
  }

  #extend(until: number, now: number): void {
    if (!this.isOn(now)) {
      this.since = now;
      this.#onBegin(now);
    }
    if (until > this.until) this.until = until;
  }
}
