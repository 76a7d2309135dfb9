import type { Clock } from '../../../shared/clock.ts';
import { TokenBucket } from '../../../shared/token-bucket.ts';
import { clientNetwork } from './client-network.ts';

/** A second, and at once after a pause. */
const RATE = 0.5;
const BURST = 20;
/** Addresses to remember; the one seen first gives way. */
const MAX_ADDRESSES = 10_000;

/** How often an address may begin what has to be written down before anybody has proved anything: a challenge, a way to a provider. */
export class Pace {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  mayBegin(address: string): boolean {
    const now = this.#clock.monotonic();
    const key = clientNetwork(address);
    const bucket = this.#buckets.get(key) ?? new TokenBucket(RATE, BURST, now);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > MAX_ADDRESSES) this.#buckets.delete(this.#buckets.keys().next().value as string);
    return bucket.take(1, now);
  }
}
