import type { Clock } from '../../shared/clock.ts';

/** The coordinator's clock, as far as this host can tell without trusting its own to be right. */
export class CoordinatorClock {
  readonly #clock: Clock;
  /** The coordinator's clock less this host's monotonic one. */
  #offset: number;
  #isHeard = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offset = clock.wall() - clock.monotonic();
  }

  /** Milliseconds since the epoch: by what the coordinator said last, or an earlier run was told, or this host's own clock. */
  now(): number {
    return this.#clock.monotonic() + this.#offset;
  }

  /** Whether the coordinator has said it in this run. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  /** How far it is ahead of this host's, milliseconds: what the next run may begin with. */
  get ahead(): number {
    return this.now() - this.#clock.wall();
  }

  /** What it was ahead in an earlier run. */
  remember(ahead: number): void {
    if (!this.#isHeard) this.#offset += ahead - this.ahead;
  }

  /** `time`: milliseconds since the epoch, just now. */
  heard(time: number): void {
    this.#offset = time - this.#clock.monotonic();
    this.#isHeard = true;
  }
}
