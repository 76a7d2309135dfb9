/** What is counted: what happened, and why something was dropped. The names appear in snapshots, so they are for people too. */
export const COUNTERS = [
  'sent-initiations',
  'sent-responses',
  'sent-cookie-replies',
  'completed-handshakes',
  // dropped datagrams from the network
  'malformed-datagram',
  'unknown-receiver',
  'misdirected',
  'expired-session',
  'bad-tag',
  'counter-limit',
  'replayed',
  'bad-mac1',
  'rate-limited',
  'bad-handshake',
  'unknown-peer',
  'replayed-initiation',
  'initiation-flood',
  'unexpected-response',
  'bad-cookie-reply',
  'no-private-key',
  // dropped inner packets that came out of a session
  'malformed-packet',
  'source-not-allowed',
  // dropped packets from the tunnel
  'malformed-outbound',
  'no-route',
  'staged-overflow',
  'staged-given-up',
] as const;

export type CounterName = (typeof COUNTERS)[number];

/** The position of each name, so that the hot path counts by an integer. */
export const COUNT = Object.fromEntries(COUNTERS.map((name, index) => [name, index])) as Record<
  CounterName,
  number
>;

/** A count for every name; exact to 2^53. */
export class Counters {
  private readonly counts = new Float64Array(COUNTERS.length);

  add(index: number, count = 1): void {
    this.counts[index] = (this.counts[index] as number) + count;
  }

  get(name: CounterName): number {
    return this.counts[COUNT[name]] as number;
  }

  /** Adds what `takeAll` of others gave. */
  addAll(counts: Float64Array): void {
    for (let i = 0; i < counts.length; i++) this.add(i, counts[i]);
  }

  /** A copy of all, by position in COUNTERS, which then begin anew; null when there is nothing but zeros. */
  takeAll(): Float64Array | null {
    if (this.counts.every((count) => count === 0)) return null;
    const copy = this.counts.slice();
    this.counts.fill(0);
    return copy;
  }

  /** Those that are not zero, by name. */
  toRecord(): Record<string, number> {
    const record: Record<string, number> = {};
    for (const [index, name] of COUNTERS.entries()) {
      const count = this.counts[index] as number;
      if (count > 0) record[name] = count;
    }
    return record;
  }
}
