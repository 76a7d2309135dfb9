/** A look this often, while there are sessions: a new handshake follows within 5 s of waking (SEC-51). */
const INTERVAL = 4_000;
/** A look that comes so much later than it was wanted was not merely held up by other work. */
const TOLERANCE = 2_000;

/**
 * Notices that the host was suspended, or this program: the clock runs on meanwhile and nothing is done. Sessions have grown
 * older by then as they would have otherwise, so nothing depends on this but that those which were in use are renewed at once.
 */
export class SleepDetector {
  private lastLook: number;

  constructor(now: number) {
    this.lastLook = now;
  }

  /** When to look next, while there are sessions. */
  get nextCheck(): number {
    return this.lastLook + INTERVAL;
  }

  /** When the host was last known to be awake, if it has slept since; null if it has not. */
  check(now: number): number | null {
    const before = this.lastLook;
    this.lastLook = now;
    return now - before > INTERVAL + TOLERANCE ? before : null;
  }
}
