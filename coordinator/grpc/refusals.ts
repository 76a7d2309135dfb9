/** Refused attempts of one source within a window after which further ones are turned away unread. */
const MOST = 30;
const WINDOW = 60_000;
const MAX_SOURCES = 10_000;

/**
 * Counts refused joins by source address, so that guessing tokens neither fills the audit log nor loads the database. Whoever
 * joins with good tokens is never counted.
 */
export class Refusals {
  readonly #sources = new Map<string, { count: number; since: number }>();

  /** Whether this source has used up its attempts (monotonic milliseconds). */
  tooMany(source: string, now: number): boolean {
    const entry = this.#sources.get(source);
    return entry !== undefined && now - entry.since < WINDOW && entry.count >= MOST;
  }

  add(source: string, now: number): void {
    const entry = this.#sources.get(source);
    if (entry !== undefined && now - entry.since < WINDOW) {
      entry.count++;
      return;
    }
    this.#sources.delete(source);
    this.#sources.set(source, { count: 1, since: now });
    if (this.#sources.size > MAX_SOURCES) {
      const [oldest] = this.#sources.keys();
      this.#sources.delete(oldest as string);
    }
  }
}
