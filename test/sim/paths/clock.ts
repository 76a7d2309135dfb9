/** A virtual clock: things to do, each at its moment, in the order in which they were planned where moments are equal. */
export class Clock {
  now = 0;
  #order = 0;
  readonly #heap: { at: number; order: number; run: () => void }[] = [];

  after(delay: number, run: () => void): void {
    this.at(this.now + delay, run);
  }

  at(time: number, run: () => void): void {
    const heap = this.#heap;
    const entry = { at: Math.max(time, this.now), order: this.#order++, run };
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as typeof entry;
      if (isBefore(above, entry)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  /** Lets time pass. */
  run(duration: number): void {
    const end = this.now + duration;
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.at > end) break;
      this.#removeFirst();
      this.now = first.at;
      first.run();
    }
    this.now = end;
  }

  /** Lets time pass until something holds, at most `duration`. How long it took, or null if it did not come to hold. */
  runUntil(condition: () => boolean, duration: number): number | null {
    const start = this.now;
    const end = start + duration;
    while (!condition()) {
      const first = this.#heap[0];
      if (first === undefined || first.at > end) {
        this.now = end;
        return null;
      }
      this.#removeFirst();
      this.now = first.at;
      first.run();
    }
    return this.now - start;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as (typeof heap)[0];
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as typeof last, heap[child] as typeof last))
        child++;
      if (isBefore(last, heap[child] as typeof last)) break;
      heap[index] = heap[child] as typeof last;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: { at: number; order: number }, b: { at: number; order: number }): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
