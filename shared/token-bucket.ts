/** Lets through `rate` units a second, and `burst` at once after a pause. Times are monotonic milliseconds. */
export class TokenBucket {
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Takes `units` if they are there, all or none. More than `burst` never are. */
  take(units: number, now: number): boolean {
    if (now > this.#at) {
      this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#rate);
      this.#at = now;
    }
    if (this.#tokens < units) return false;
    this.#tokens -= units;
    return true;
  }

  /** Gives back what was taken for nothing. */
  giveBack(units: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + units);
  }
}
