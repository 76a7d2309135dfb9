/** How often this host's addresses are looked at where nobody tells of changes, milliseconds. */
const ADDRESS_INTERVAL = 2_000;
/** Changes to the network come in bunches: how long after the first of them it is looked at, milliseconds. */
const NETWORK_SETTLES = 100;

/** When to look anew at the networks that this host is connected to. */
export class NetworkWatch {
  readonly #look: () => void;
  #settling: NodeJS.Timeout | null = null;
  #interval: NodeJS.Timeout | null = null;

  constructor(look: () => void) {
    this.#look = look;
  }

  /** Looks regularly, for where no notice comes. */
  poll(): void {
    this.#interval = setInterval(this.#look, ADDRESS_INTERVAL);
  }

  /** Addresses or routes have changed, and perhaps more of them will. */
  changed(): void {
    this.#settling ??= setTimeout(() => {
      this.#settling = null;
      this.#look();
    }, NETWORK_SETTLES);
  }

  close(): void {
    if (this.#settling !== null) clearTimeout(this.#settling);
    if (this.#interval !== null) clearInterval(this.#interval);
  }
}
