import { encodeDatagrams, FRAME_OVERHEAD, MAX_DATAGRAMS, spaceOf } from '../../shared/relay-frame.ts';

/**
 * A frame of this length is one DATA frame of HTTP/2 (16,384 bytes, RFC 9113 4.2) with gRPC's 5 bytes before it, so nobody on
 * the way puts pieces together; longer ones cost throughput. A longer datagram goes alone.
 */
const BATCH = 16_384 - 5;
/** Bytes that may wait for the relay, all destinations together. The oldest give way to the newest. */
export const MAX_WAITING = 512 * 1024;
/** Bytes handed to the connection that it has not taken yet. */
const MAX_IN_FLIGHT = 256 * 1024;

interface Batch {
  nodeId: string;
  datagrams: Uint8Array[];
  /** Of its frame, at most. */
  space: number;
}

/**
 * What waits to be sent by relay, as batches: consecutive datagrams to one node go in one frame, for a frame costs more than
 * its bytes. When the connection keeps up, what came in one turn of the event loop is a batch.
 */
export class SendQueue {
  readonly #write: (frame: Buffer, taken: () => void) => void;
  readonly #batches: Batch[] = [];
  #waiting = 0;
  #inFlight = 0;
  /** Counts the connections: what an earlier one still says does not concern this one. */
  #epoch = 0;
  #scheduled = false;
  /** Datagrams that gave way. */
  dropped = 0;

  constructor(write: (frame: Buffer, taken: () => void) => void) {
    this.#write = write;
  }

  /** The datagram's bytes are read when its batch is sent: they are the queue's from now on. */
  push(nodeId: string, datagram: Uint8Array): void {
    const space = spaceOf(datagram);
    const last = this.#batches.at(-1);
    if (
      last !== undefined &&
      last.nodeId === nodeId &&
      last.datagrams.length < MAX_DATAGRAMS &&
      last.space + space <= BATCH
    ) {
      last.datagrams.push(datagram);
      last.space += space;
    } else {
      this.#batches.push({ nodeId, datagrams: [datagram], space: FRAME_OVERHEAD + space });
    }
    this.#waiting += datagram.length;
    while (this.#waiting > MAX_WAITING) this.#dropOldest();
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** Forgets what waits and what is on its way: the connection is another from now on. */
  clear(): void {
    this.#epoch++;
    this.#inFlight = 0;
    this.#batches.length = 0;
    this.#waiting = 0;
  }

  #dropOldest(): void {
    const oldest = this.#batches[0] as Batch;
    const datagram = oldest.datagrams.shift() as Uint8Array;
    oldest.space -= spaceOf(datagram);
    this.#waiting -= datagram.length;
    this.dropped++;
    if (oldest.datagrams.length === 0) this.#batches.shift();
  }

  #flush(): void {
    while (this.#inFlight < MAX_IN_FLIGHT) {
      const batch = this.#batches.shift();
      if (batch === undefined) return;
      const frame = encodeDatagrams(batch.nodeId, batch.datagrams);
      for (const datagram of batch.datagrams) this.#waiting -= datagram.length;
      this.#inFlight += frame.length;
      const epoch = this.#epoch;
      this.#write(frame, () => {
        if (epoch !== this.#epoch) return;
        this.#inFlight -= frame.length;
        this.#flush();
      });
    }
  }
}
