/** What path discovery counts: what it did, and why it dropped a message. */
export const PROBE_COUNTERS = [
  'sent-pings',
  'sent-pongs',
  'sent-invitations',
  'path-changes',
  'sprays',
  // dropped
  'unknown-sender',
  'rate-limited-probe',
  'bad-probe',
  'replayed-probe',
  'unexpected-pong',
  'probe-from-nowhere',
  'invitation-outside-relay',
  'invitation-flood',
] as const;

export type ProbeCounter = (typeof PROBE_COUNTERS)[number];

export class ProbeCounters {
  readonly #counts = new Map<ProbeCounter, number>();

  add(name: ProbeCounter): void {
    this.#counts.set(name, this.get(name) + 1);
  }

  get(name: ProbeCounter): number {
    return this.#counts.get(name) ?? 0;
  }

  /** Those that are not zero, by name. */
  toRecord(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
