import { MeshWorld } from './mesh-world.ts';
import type { Faults } from './network.ts';
import type { Pair, Scenario } from './scenarios.ts';

/** How long hosts have been up, with their STUN answers and the coordinator's map, when the first packet comes. */
const SETTLING = 1_500;

/** A transfer between two hosts: `a` sends numbered packets, `b` answers each with its number. */
export class Transfer {
  readonly world: MeshWorld;
  readonly pair: Pair;
  /** When the first packet was sent. */
  readonly begin: number;
  readonly #interval: number;
  #isRunning = false;
  #number = 0;

  constructor(
    scenario: Scenario,
    seed: number,
    options: { faults?: Partial<Faults>; interval?: number } = {},
  ) {
    this.world = new MeshWorld(seed, options.faults);
    this.#interval = options.interval ?? 50;
    this.pair = scenario.build(this.world);
    const { a, b } = this.pair;
    a.addPeer(b);
    b.addPeer(a);
    b.onPacket = (number) => b.send(a, number);
    this.world.clock.run(SETTLING);
    this.begin = this.world.clock.now;
    this.start();
  }

  start(): void {
    this.#isRunning = true;
    this.#next();
  }

  /** Ends the traffic and lets everything that is under way arrive. */
  stop(): void {
    this.#isRunning = false;
    this.world.clock.run(1_000);
  }

  run(duration: number): void {
    this.world.clock.run(duration);
  }

  /** Milliseconds until both ends use a direct path; null if that does not come to be within `limit`. */
  untilDirect(limit: number): number | null {
    const { a, b } = this.pair;
    return this.world.clock.runUntil(() => a.pathTo(b) !== null && b.pathTo(a) !== null, limit);
  }

  /** Milliseconds until both ends use the relay. */
  untilRelay(limit: number): number | null {
    const { a, b } = this.pair;
    return this.world.clock.runUntil(() => a.pathTo(b) === null && b.pathTo(a) === null, limit);
  }

  /** Milliseconds from the first packet to its answer; null if none has come. */
  get firstAnswer(): number | null {
    const first = this.pair.a.arrivals[0];
    return first === undefined ? null : first.at - this.begin;
  }

  /** Inner packets that were given to a tunnel and did not come out at the other end. */
  get missing(): number {
    const { a, b } = this.pair;
    return a.sent + b.sent - a.arrivals.length - b.arrivals.length;
  }

  /** The numbers that came out of `a`'s tunnel more than once. */
  get repeated(): number {
    const { a } = this.pair;
    return a.arrivals.length - new Set(a.arrivals.map(({ number }) => number)).size;
  }

  #next(): void {
    if (!this.#isRunning) return;
    this.pair.a.send(this.pair.b, ++this.#number);
    this.world.clock.after(this.#interval, () => this.#next());
  }
}
