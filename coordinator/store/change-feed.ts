/** Listeners that want to know that something changed. Many changes in one turn of the event loop are one call. */
export class ChangeFeed {
  readonly #listeners = new Set<() => void>();
  #pending: NodeJS.Immediate | null = null;

  /** Adds a listener; returns what removes it. */
  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    this.#pending ??= setImmediate(() => {
      this.#pending = null;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  close(): void {
    this.#listeners.clear();
    if (this.#pending !== null) clearImmediate(this.#pending);
  }
}
