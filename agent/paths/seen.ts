/** The last so many numbers that were shown to it, so that a message that comes again is known. */
export class Seen {
  readonly #capacity: number;
  readonly #numbers = new Set<number>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** False if the number is remembered; otherwise it is from now on, and the oldest is forgotten where there are too many. */
  isNew(number: number): boolean {
    if (this.#numbers.has(number)) return false;
    if (this.#numbers.size >= this.#capacity) {
      const [oldest] = this.#numbers;
      if (oldest !== undefined) this.#numbers.delete(oldest);
    }
    this.#numbers.add(number);
    return true;
  }
}
