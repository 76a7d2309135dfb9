import type { UdpAddress } from '../wireguard/udp-address.ts';
import {
  SPRAY_FIRST_PORT,
  SPRAY_PORTS,
  SPRAY_PROBES,
  SPRAY_PROBES_PER_TICK,
  SPRAY_SOCKETS,
  SPRAY_SOCKETS_PER_TICK,
  SPRAY_TICK,
  SPRAY_TIME,
} from './constants.ts';
import { OWN_SOCKET, Path } from './path.ts';
import type { PathContext } from './path-context.ts';

const NEVER = Number.POSITIVE_INFINITY;

/**
 * One run of the birthday technique. The end behind the hard NAT opens many sockets and probes the other end's address
 * from each, which makes as many mappings with ports that nobody knows; the other end probes many ports of the hard NAT's
 * address from its one socket, which opens its own filter for each. Where a mapping and a probed port meet, probes pass both
 * NATs. Bounded in number and time; begun only by an invitation of the peer that says that its NAT, or this one, is hard.
 */
export class Spray {
  /** Sockets opened for it, and those that are still to be probed from. */
  readonly sockets: number[] = [];
  probes = 0;
  readonly #ports: number[] = [];
  #toOpen: number;
  #next: number;
  readonly #end: number;
  readonly #slot: number;
  readonly #targets: readonly UdpAddress[];
  readonly #context: PathContext;
  readonly #probe: (path: Path, now: number) => void;

  /**
   * `targets`: where the peer behind the easy NAT is, for the hard end; the outer address of the hard NAT (its port does not
   * matter), for the other. `probe` sends one probe.
   */
  constructor(
    slot: number,
    targets: readonly UdpAddress[],
    context: PathContext,
    probe: (path: Path, now: number) => void,
    now: number,
  ) {
    this.#slot = slot;
    this.#targets = targets;
    this.#context = context;
    this.#probe = probe;
    this.#next = now;
    this.#end = now + SPRAY_TIME;
    this.#toOpen = context.hard ? SPRAY_SOCKETS : 0;
    if (!context.hard) this.#ports = this.#drawPorts();
  }

  get isOver(): boolean {
    return this.#next === NEVER;
  }

  /** Does what is due and returns when it wants to be called again; Infinity when the spray is over. */
  advance(now: number): number {
    if (now >= this.#end) this.#next = NEVER;
    if (now < this.#next || this.isOver) return this.#next;
    if (this.#toOpen > 0) {
      const count = Math.min(this.#toOpen, SPRAY_SOCKETS_PER_TICK);
      this.#toOpen -= count;
      this.#context.sink.openSockets(this.#slot, count);
    }
    for (const port of this.#ports.splice(0, SPRAY_PROBES_PER_TICK)) {
      const address = (this.#targets[0] as UdpAddress).clone();
      address.port = port;
      this.#send(new Path(OWN_SOCKET, address, 'learned'), now);
    }
    const isBusy = this.#toOpen > 0 || this.#ports.length > 0;
    this.#next = isBusy ? now + SPRAY_TICK : this.#end;
    return this.#next;
  }

  /** A mapping on the hard NAT for each socket. */
  socketsOpened(sockets: readonly number[], now: number): void {
    for (const socket of sockets) {
      this.sockets.push(socket);
      for (const target of this.#targets) this.#send(new Path(socket, target, 'learned'), now);
    }
  }

  #send(path: Path, now: number): void {
    this.probes++;
    this.#probe(path, now);
  }

  #drawPorts(): number[] {
    const words = new Uint16Array(SPRAY_PROBES);
    const ports = new Set<number>();
    while (ports.size < SPRAY_PROBES) {
      this.#context.random.fill(new Uint8Array(words.buffer));
      for (const word of words) {
        // A word beyond the last port is drawn again rather than folded, which would favour some ports.
        if (word < SPRAY_PORTS && ports.size < SPRAY_PROBES) ports.add(SPRAY_FIRST_PORT + word);
      }
    }
    return [...ports];
  }
}
