/** Minutes of a day. */
export const KEPT_MINUTES = 24 * 60;
const FIRST_CAPACITY = 32;

/**
 * Numbers by the minute for a day, in rows of `columns`. It takes memory as time goes by: four bytes for each number at most
 * twice over. Minutes are counted from the epoch; what is for one before the oldest goes to the newest, as when a clock is set back.
 */
export class MinuteRing {
  readonly #columns: number;
  /** What stands where nothing was written. */
  readonly #empty: number;
  #values: Float32Array;
  #capacity = FIRST_CAPACITY;
  /** The oldest and the newest minute held; newest below oldest for none. */
  #oldest = 0;
  #newest = -1;

  constructor(columns: number, empty: number) {
    this.#columns = columns;
    this.#empty = empty;
    this.#values = new Float32Array(FIRST_CAPACITY * columns);
  }

  add(minute: number, column: number, amount: number): void {
    const place = this.#place(minute, column);
    this.#values[place] = (this.#values[place] as number) + amount;
  }

  set(minute: number, column: number, value: number): void {
    this.#values[this.#place(minute, column)] = value;
  }

  /** The rows from a minute on, oldest first. */
  *rows(from = 0): Generator<{ minute: number; values: number[] }> {
    for (let minute = Math.max(from, this.#oldest); minute <= this.#newest; minute++) {
      const begin = (minute % this.#capacity) * this.#columns;
      yield { minute, values: Array.from(this.#values.subarray(begin, begin + this.#columns)) };
    }
  }

  #place(wanted: number, column: number): number {
    const minute = wanted >= this.#oldest ? wanted : Math.max(wanted, this.#newest);
    if (this.#newest < this.#oldest || minute - this.#newest >= KEPT_MINUTES) this.#begin(minute);
    while (this.#newest < minute) this.#append();
    return (minute % this.#capacity) * this.#columns + column;
  }

  #begin(minute: number): void {
    this.#oldest = minute;
    this.#newest = minute - 1;
  }

  #append(): void {
    if (this.#newest - this.#oldest + 1 === this.#capacity) {
      if (this.#capacity < KEPT_MINUTES) this.#grow();
      else this.#oldest++;
    }
    this.#newest++;
    const begin = (this.#newest % this.#capacity) * this.#columns;
    this.#values.fill(this.#empty, begin, begin + this.#columns);
  }

  #grow(): void {
    const rows = [...this.rows()];
    this.#capacity = Math.min(KEPT_MINUTES, this.#capacity * 2);
    this.#values = new Float32Array(this.#capacity * this.#columns);
    for (const { minute, values } of rows)
      this.#values.set(values, (minute % this.#capacity) * this.#columns);
  }
}
