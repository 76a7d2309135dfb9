const INTERVAL = 4_000;
/** Less than this is the clock being slewed or set by NTP. */
const TOLERANCE = 2_000;

/**
 * Notices that the host was suspended: the monotonic clock stands still meanwhile, the wall clock does not. A wall clock set
 * forward looks the same; the harm is a handshake earlier than needed.
 */
export class SleepDetector {
  private readonly wall: () => number;
  private lastNow: number;
  private lastWall: number;

  constructor(wall: () => number, now: number) {
    this.wall = wall;
    this.lastNow = now;
    this.lastWall = wall();
  }

  /** When to look next, while there are sessions. */
  get nextCheck(): number {
    return this.lastNow + INTERVAL;
  }

  /** Milliseconds by which the wall clock ran ahead of the monotonic one since the last call, or 0. */
  check(now: number): number {
    const wall = this.wall();
    const ahead = wall - this.lastWall - (now - this.lastNow);
    this.lastNow = now;
    this.lastWall = wall;
    return ahead > TOLERANCE ? ahead : 0;
  }
}
