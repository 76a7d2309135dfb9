import { IPV6_HEADER } from '../../wireguard/inner-packet.ts';

/** The golden ratio's first 32 bits: spreads differences in low bits over all. */
const SPREAD = 0x9e3779b1;
/** Flags and offset that make an IPv4 packet a fragment: it has no ports then, or they are of no use. */
const FRAGMENT = 0x3fff;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;

/** Flows are told apart in so many buckets. */
const BUCKETS = 256;
/** How often it is decided which flows are spread, milliseconds. */
const WINDOW = 100;
/** Writes in a window that make a flow one to spread, and below which it is no more. */
const BUSY = 200;
const QUIET = 20;

/**
 * Chooses the TUN queue that a worker writes a packet to. Answers come by the queue that a flow was last written to, so this
 * decides which worker reads and seals them: the writer itself as long as a flow is quiet, which saves waking another
 * thread; one of all workers by the flow's hash when it is busy, so that sealing for one peer takes place on several cores.
 * All packets of a flow go the same way within a window, or answers would overtake each other.
 */
export class FlowSteering {
  readonly #own: number;
  readonly #queues: number;
  readonly #spreads: boolean;
  readonly #isSpread = new Uint8Array(BUCKETS);
  readonly #writes = new Uint32Array(BUCKETS);
  #windowEnds = 0;

  /**
   * `own` is the writer's place among `queues` of them. Where there are not `cores` for as many workers again, busy flows stay
   * too: the applications and the kernel need the others, and waking another thread costs more than it gains.
   */
  constructor(own: number, queues: number, cores: number) {
    this.#own = own;
    this.#queues = queues;
    this.#spreads = queues > 1 && cores >= 2 * queues;
  }

  /** The place of the queue for an IP packet; `now` in monotonic milliseconds. */
  queueOf(view: DataView, offset: number, length: number, now: number): number {
    if (!this.#spreads) return this.#own;
    if (now >= this.#windowEnds) this.#decide(now);
    const bucket = bucketOf(view, offset, length);
    this.#writes[bucket] = (this.#writes[bucket] as number) + 1;
    return this.#isSpread[bucket] === 1 ? bucket % this.#queues : this.#own;
  }

  #decide(now: number): void {
    this.#windowEnds = now + WINDOW;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const writes = this.#writes[bucket] as number;
      if (writes >= BUSY) this.#isSpread[bucket] = 1;
      else if (writes < QUIET) this.#isSpread[bucket] = 0;
      this.#writes[bucket] = 0;
    }
  }
}

/** The same for both directions of a flow: addresses, and the ports of TCP and UDP. */
function bucketOf(view: DataView, offset: number, length: number): number {
  let hash = 0;
  let ports = 0;
  let protocol = 0;
  if (view.getUint8(offset) >>> 4 === 4) {
    hash = view.getInt32(offset + 12) ^ view.getInt32(offset + 16);
    protocol = view.getUint8(offset + 9);
    if ((view.getUint16(offset + 6) & FRAGMENT) === 0) ports = (view.getUint8(offset) & 15) * 4;
  } else if (length >= IPV6_HEADER) {
    for (let i = 8; i < IPV6_HEADER; i += 4) hash ^= view.getInt32(offset + i);
    protocol = view.getUint8(offset + 6);
    ports = IPV6_HEADER;
  }
  if (ports > 0 && (protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP) && length >= ports + 4) {
    hash ^= view.getUint16(offset + ports) ^ view.getUint16(offset + ports + 2);
  }
  return Math.imul(hash, SPREAD) >>> 24;
}
