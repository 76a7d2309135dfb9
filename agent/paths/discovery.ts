import { type Random, randomUint32 } from '../../shared/random.ts';
import { DISCOVERY_PAUSES, PAUSE_JITTER, ROUNDS, UPGRADE_PAUSE } from './constants.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** When the candidates of one peer are probed: the rounds of a discovery, and the pauses between discoveries. */
export class Discovery {
  /** When the one under way began; null between two. */
  startedAt: number | null = null;
  #round = 0;
  #failures = 0;
  #nextAt = NEVER;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  start(now: number): void {
    this.startedAt = now;
    this.#round = 0;
  }

  /** Ends the one under way, and forgets how often it failed. The next begins when somebody wants it. */
  reset(): void {
    this.startedAt = null;
    this.#failures = 0;
    this.#nextAt = NEVER;
  }

  /** The number of the round that is due, which then is done; null if none is. */
  takeRound(now: number): number | null {
    if (this.startedAt === null || now < this.#roundAt()) return null;
    const round = this.#round;
    // After a pause of the clock the rounds that were missed are one.
    while (this.#round < ROUNDS.length && this.#roundAt() <= now) this.#round++;
    return round;
  }

  /** No round is left: pauses. `isDirect`: whether a direct path is in use. */
  pauseIfDone(isDirect: boolean, now: number): void {
    if (this.startedAt === null || this.#round < ROUNDS.length) return;
    this.startedAt = null;
    const pause = isDirect
      ? UPGRADE_PAUSE
      : (DISCOVERY_PAUSES[Math.min(this.#failures, DISCOVERY_PAUSES.length - 1)] as number);
    this.#failures = isDirect ? 0 : this.#failures + 1;
    this.#nextAt = now + pause * (1 + (PAUSE_JITTER * randomUint32(this.#random)) / 2 ** 32);
  }

  isDue(now: number): boolean {
    return this.startedAt === null && now >= this.#nextAt;
  }

  /** When the next round or discovery is due; Infinity if nothing is planned. */
  next(): number {
    return this.startedAt === null ? this.#nextAt : this.#roundAt();
  }

  #roundAt(): number {
    return (this.startedAt as number) + (ROUNDS[this.#round] ?? NEVER);
  }
}
