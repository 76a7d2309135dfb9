/** Something that wants to be woken. `wakeAt` is never later than its true deadline; being woken early is harmless. */
export interface Sleeper {
  wakeAt: number;
  /** Place in the heap, or -1. Owned by Deadlines. */
  heapIndex: number;
}

/**
 * A binary heap of sleepers by `wakeAt`. Postponing costs nothing: the sleeper keeps its place, is woken early and is put
 * back. So a peer that carries traffic touches the heap about once a timeout, not once a packet.
 */
export class Deadlines<T extends Sleeper> {
  readonly #heap: T[] = [];

  /** The earliest `wakeAt`, or Infinity. */
  next(): number {
    return this.#heap[0]?.wakeAt ?? Number.POSITIVE_INFINITY;
  }

  /** Makes sure that the sleeper wakes by `at`. */
  wakeBy(sleeper: T, at: number): void {
    if (at >= sleeper.wakeAt) return;
    sleeper.wakeAt = at;
    if (sleeper.heapIndex < 0) {
      sleeper.heapIndex = this.#heap.length;
      this.#heap.push(sleeper);
    }
    this.#up(sleeper.heapIndex);
  }

  /** Takes out one sleeper that is due, or null. It sleeps until `wakeBy` is called for it. */
  takeDue(now: number): T | null {
    const first = this.#heap[0];
    if (first === undefined || first.wakeAt > now) return null;
    this.remove(first);
    return first;
  }

  remove(sleeper: T): void {
    const index = sleeper.heapIndex;
    sleeper.wakeAt = Number.POSITIVE_INFINITY;
    if (index < 0) return;
    sleeper.heapIndex = -1;
    const last = this.#heap.pop() as T;
    if (last === sleeper) return;
    this.#put(last, index);
    this.#up(index);
    this.#down(last.heapIndex);
  }

  #put(sleeper: T, index: number): void {
    this.#heap[index] = sleeper;
    sleeper.heapIndex = index;
  }

  #up(from: number): void {
    const sleeper = this.#heap[from] as T;
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#heap[parentIndex] as T;
      if (parent.wakeAt <= sleeper.wakeAt) break;
      this.#put(parent, index);
      index = parentIndex;
    }
    this.#put(sleeper, index);
  }

  #down(from: number): void {
    const sleeper = this.#heap[from] as T;
    let index = from;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= this.#heap.length) break;
      const right = this.#heap[childIndex + 1];
      if (right !== undefined && right.wakeAt < (this.#heap[childIndex] as T).wakeAt) childIndex++;
      const child = this.#heap[childIndex] as T;
      if (child.wakeAt >= sleeper.wakeAt) break;
      this.#put(child, index);
      index = childIndex;
    }
    this.#put(sleeper, index);
  }
}
