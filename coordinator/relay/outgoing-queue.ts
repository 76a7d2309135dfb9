/** Bytes that may wait for one client beyond those on their way, and frames. The oldest give way to the newest. */
export const MAX_WAITING_BYTES = 256 * 1024;
export const MAX_WAITING_FRAMES = 256;
/** Bytes handed to the connection that it has not taken yet; one frame always may be. */
const MAX_IN_FLIGHT = 128 * 1024;

interface Waiting {
  frame: Buffer;
  packets: number;
}

/**
 * What is to be sent to one client. It never grows beyond its bounds and never waits: a client that does not read loses the
 * oldest of what is meant for it, and nobody else notices.
 */
export class OutgoingQueue {
  readonly #write: (frame: Buffer, taken: () => void) => void;
  readonly #dropped: (packets: number) => void;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #inFlight = 0;
  #closed = false;

  /** `write` sends a frame and calls back when the connection has taken it; `dropped` hears of packets that gave way. */
  constructor(write: (frame: Buffer, taken: () => void) => void, dropped: (packets: number) => void) {
    this.#write = write;
    this.#dropped = dropped;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#inFlight === 0;
  }

  /** Takes over the frame. */
  push(frame: Buffer, packets: number): void {
    if (this.#closed) return;
    if (this.#waiting.length === 0 && this.#inFlight === 0) {
      this.#send(frame);
      return;
    }
    if (this.#waiting.length === 0 && this.#inFlight + frame.length <= MAX_IN_FLIGHT) {
      this.#send(frame);
      return;
    }
    // A small frame can lie in a large piece of what came from the network: waiting, it would hold on to all of that.
    const kept = frame.buffer.byteLength > 4 * frame.length ? Buffer.from(frame) : frame;
    this.#waiting.push({ frame: kept, packets });
    this.#waitingBytes += frame.length;
    while (this.#waitingBytes > MAX_WAITING_BYTES || this.#waiting.length > MAX_WAITING_FRAMES) {
      const oldest = this.#waiting.shift() as Waiting;
      this.#waitingBytes -= oldest.frame.length;
      this.#dropped(oldest.packets);
    }
  }

  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  #send(frame: Buffer): void {
    this.#inFlight += frame.length;
    this.#write(frame, () => {
      this.#inFlight -= frame.length;
      this.#next();
    });
  }

  #next(): void {
    for (let next = this.#waiting[0]; next !== undefined && !this.#closed; next = this.#waiting[0]) {
      if (this.#inFlight > 0 && this.#inFlight + next.frame.length > MAX_IN_FLIGHT) return;
      this.#waiting.shift();
      this.#waitingBytes -= next.frame.length;
      this.#send(next.frame);
    }
  }
}
