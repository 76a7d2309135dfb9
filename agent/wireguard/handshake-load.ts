/** Handshake messages that may come at once before cookies are asked for. */
const BURST = 64;
/** Handshake messages a second that are answered without cookies. A full answer takes about half a millisecond. */
const PER_SECOND = 128;
/** How long the state lasts after the last sign of load. */
const STICKY = 1000;

/**
 * Whether this device is under load (5.3 of the paper). Other implementations look at the length of their queue of handshakes;
 * a core without threads has no queue, so load is told by how many handshake messages with a valid mac1 arrive: a bucket
 * that leaks PER_SECOND and holds BURST. It is a function of arrivals and the injected clock alone.
 */
export class HandshakeLoad {
  private level = 0;
  private measured = 0;
  private loadedUntil = Number.NEGATIVE_INFINITY;

  /** Counts one message and says whether the device is under load. */
  arrived(now: number): boolean {
    const leaked = ((now - this.measured) * PER_SECOND) / 1000;
    this.measured = now;
    this.level = Math.max(0, this.level - leaked) + 1;
    if (this.level > BURST) {
      this.level = BURST;
      this.loadedUntil = now + STICKY;
    }
    return now < this.loadedUntil;
  }
}
