/** Bytes that may be on their way between the tunnel's thread and the main one, each way. */
export const MAX_BACKLOG = 1 << 20;
/** What a message takes beside its datagrams: a peer that sends very short ones, or empty ones, fills no memory with them. */
export const MESSAGE_COST = 512;

/** To the relay, or from it. */
export type RelayWay = 'out' | 'in';

const PLACE_OF = { out: 0, in: 1 } as const;
/** The same for what was dropped, datagrams. */
const DROPPED_OF = { out: 2, in: 3 } as const;
const WORDS = 4;

/**
 * Bounds what goes by relay between the two threads: messages to a thread that is busy wait without end. What finds no room is
 * dropped, as a full queue of a network card drops it; the oldest cannot give way, since it is in the other thread's hands already.
 */
export class RelayBacklog {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** `memory`: that of the other thread's. */
  constructor(memory = new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** Takes room for a message with `bytes`, in so many datagrams; false if there is none: then they are counted as dropped. */
  take(way: RelayWay, bytes: number, datagrams: number): boolean {
    const room = MESSAGE_COST + bytes;
    if (Atomics.add(this.#words, PLACE_OF[way], room) + room <= MAX_BACKLOG) return true;
    Atomics.sub(this.#words, PLACE_OF[way], room);
    Atomics.add(this.#words, DROPPED_OF[way], datagrams);
    return false;
  }

  /** The other thread has the message with these bytes. */
  arrived(way: RelayWay, bytes: number): void {
    Atomics.sub(this.#words, PLACE_OF[way], MESSAGE_COST + bytes);
  }

  counters(): Record<string, number> {
    return {
      'relay-backlog-out': Atomics.load(this.#words, DROPPED_OF.out),
      'relay-backlog-in': Atomics.load(this.#words, DROPPED_OF.in),
    };
  }
}
