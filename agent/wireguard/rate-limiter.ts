import type { UdpAddress } from './udp-address.ts';

const PER_SECOND = 20;
const BURST = 5;
const SWEEP_INTERVAL = 1000;
/** Sources remembered at once. A source beyond them has to wait until others have been quiet. */
const MAX_SOURCES = 16_384;

interface Bucket {
  /** Milliseconds of credit. */
  tokens: number;
  touched: number;
}

/**
 * A token bucket for each source address (IPv6: each /64), by default 20 a second with a burst of 5: for handshake messages
 * under load that carry a valid cookie, so that one true address cannot take all of this host's time.
 */
export class RateLimiter {
  private readonly buckets = new Map<string, Bucket>();
  private swept = Number.NEGATIVE_INFINITY;
  /** Milliseconds of credit that one costs, and that can be saved up. */
  private readonly cost: number;
  private readonly capacity: number;

  constructor(perSecond = PER_SECOND, burst = BURST) {
    this.cost = 1000 / perSecond;
    this.capacity = burst * this.cost;
  }

  allow(source: UdpAddress, now: number): boolean {
    this.sweep(now);
    const key = source.family === 4 ? `${source.word0}` : `${source.word0}:${source.word1}`;
    const bucket = this.buckets.get(key);
    if (bucket === undefined) {
      if (this.buckets.size >= MAX_SOURCES) return false;
      this.buckets.set(key, { tokens: this.capacity - this.cost, touched: now });
      return true;
    }
    bucket.tokens = Math.min(this.capacity, bucket.tokens + now - bucket.touched);
    bucket.touched = now;
    if (bucket.tokens < this.cost) return false;
    bucket.tokens -= this.cost;
    return true;
  }

  /** A bucket that has had time to fill up says nothing any more. */
  private sweep(now: number): void {
    if (now - this.swept < SWEEP_INTERVAL) return;
    this.swept = now;
    for (const [key, bucket] of this.buckets) {
      if (now - bucket.touched >= this.capacity) this.buckets.delete(key);
    }
  }
}
