/** How often it is looked whether the host's rules still stand, milliseconds. */
const RULES_INTERVAL = 10_000;

/** Nobody tells that rules were taken away: it is looked. */
export class RulesWatch {
  readonly #haveGone: () => Promise<boolean>;
  readonly #onGone: () => Promise<void>;
  #timer: NodeJS.Timeout | null = null;

  constructor(haveGone: () => Promise<boolean>, onGone: () => Promise<void>) {
    this.#haveGone = haveGone;
    this.#onGone = onGone;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look().catch(() => {}), RULES_INTERVAL).unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #look(): Promise<void> {
    if ((await this.#haveGone()) && this.#timer !== null) await this.#onGone();
  }
}
