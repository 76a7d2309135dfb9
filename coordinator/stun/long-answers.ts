import { formatIp, type IpBytes } from '../../shared/ip.ts';
import { TokenBucket } from '../../shared/token-bucket.ts';

/** Answers a second, and at once after a pause: to one source, and to all of them together. */
const PER_SOURCE = { rate: 1, burst: 5 };
const TOGETHER = { rate: 100, burst: 200 };
const MAX_SOURCES = 4_096;

/**
 * How often requests are answered that are shorter than their answer, where that is allowed at all: what a forged source could
 * make this server send to somebody is then a few kilobytes a second.
 */
export class LongAnswers {
  readonly #sources = new Map<string, TokenBucket>();
  readonly #all: TokenBucket;

  constructor(now: number) {
    this.#all = new TokenBucket(TOGETHER.rate, TOGETHER.burst, now);
  }

  /** Whether one may be sent to this address now (monotonic milliseconds). IPv6 sources count by /64, a host's own. */
  allow(address: IpBytes, now: number): boolean {
    const key = formatIp(address.length === 4 ? address : widened(address));
    let bucket = this.#sources.get(key);
    if (bucket === undefined) {
      bucket = new TokenBucket(PER_SOURCE.rate, PER_SOURCE.burst, now);
    } else {
      this.#sources.delete(key);
    }
    // The one longest unheard of is first, and is forgotten first.
    this.#sources.set(key, bucket);
    if (this.#sources.size > MAX_SOURCES) {
      const [oldest] = this.#sources.keys();
      this.#sources.delete(oldest as string);
    }
    return bucket.take(1, now) && this.#all.take(1, now);
  }
}

function widened(address: IpBytes): IpBytes {
  const prefix = address.slice();
  prefix.fill(0, 8);
  return prefix;
}
