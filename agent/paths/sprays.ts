import type { UdpAddress } from '../wireguard/udp-address.ts';
import { isLocal } from './address-class.ts';
import { usableCandidates } from './candidate.ts';
import {
  HEARTBEAT,
  MAX_CANDIDATES,
  MAX_SPRAYS,
  SPRAY_AFTER,
  SPRAY_GRACE,
  SPRAY_PAUSE,
  SPRAY_TRIES,
} from './constants.ts';
import type { Invitations } from './invitations.ts';
import type { Path } from './path.ts';
import type { PathContext } from './path-context.ts';
import type { PathTable } from './path-table.ts';
import { Spray } from './spray.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** When to spray for one peer, and the sockets that were opened for it. */
export class Sprays {
  /** Since the networks changed or the peer was idle. */
  tries = 0;
  #spray: Spray | null = null;
  #sprayedAt = Number.NEGATIVE_INFINITY;
  /** Opened for sprays, and not closed yet. */
  readonly #sockets = new Set<number>();
  readonly #slot: number;
  readonly #context: PathContext;
  readonly #invitations: Invitations;
  readonly #paths: PathTable;
  readonly #probe: (path: Path, now: number) => void;

  constructor(
    slot: number,
    context: PathContext,
    invitations: Invitations,
    paths: PathTable,
    probe: (path: Path, now: number) => void,
  ) {
    this.#slot = slot;
    this.#context = context;
    this.#invitations = invitations;
    this.#paths = paths;
    this.#probe = probe;
  }

  /** Whether sockets are open that no spray is about: they end with the paths that go by them. */
  get keepsSockets(): boolean {
    return this.#sockets.size > 0 && this.#spray === null;
  }

  has(socket: number): boolean {
    return this.#sockets.has(socket);
  }

  /**
   * Begins a spray when it is time, and goes on with it; when to call again. `discovering`: when the discovery under way began.
   * `foundAt`: since when a direct path is in use; null for none.
   */
  advance(discovering: number | null, foundAt: number | null, now: number): number {
    if (this.#spray === null && foundAt === null) {
      const at = this.#mayBeginAt(discovering);
      if (now < at) return at;
      this.#begin(now);
    }
    const spray = this.#spray;
    if (spray === null) return NEVER;
    const next = spray.advance(now);
    // The rest of the probes is pointless then; what is under way may still show more paths.
    const enough = foundAt === null ? NEVER : foundAt + SPRAY_GRACE;
    if (now < enough && !spray.isOver) return Math.min(next, enough);
    this.#end(foundAt !== null);
    return NEVER;
  }

  socketsOpened(sockets: readonly number[], now: number): void {
    for (const socket of sockets) {
      if (this.#spray === null) this.#context.sink.closeSocket(socket);
      else this.#sockets.add(socket);
    }
    this.#spray?.socketsOpened(sockets, now);
  }

  /** Closes the sockets that no path goes by any more, unless a spray still needs them. */
  closeUnused(): void {
    if (this.#spray !== null) return;
    for (const socket of this.#sockets) {
      if (this.#paths.usesSocket(socket)) continue;
      this.#sockets.delete(socket);
      this.#context.sink.closeSocket(socket);
    }
  }

  close(): void {
    this.#end(false);
    for (const socket of this.#sockets) this.#context.sink.closeSocket(socket);
    this.#sockets.clear();
  }

  /** Only for a peer that has asked for it by a fresh invitation, and after simpler ways were tried. */
  #mayBeginAt(discovering: number | null): number {
    const { hard, sprays } = this.#context;
    const { peerIsHard, receivedAt } = this.#invitations;
    if (discovering === null || hard === peerIsHard || receivedAt < discovering - HEARTBEAT) return NEVER;
    if (this.tries >= SPRAY_TRIES || sprays >= MAX_SPRAYS || this.#targets().length === 0) return NEVER;
    return Math.max(discovering + SPRAY_AFTER, this.#sprayedAt + SPRAY_PAUSE);
  }

  #begin(now: number): void {
    this.#spray = new Spray(this.#slot, this.#targets(), this.#context, this.#probe, now);
    this.#sprayedAt = now;
    this.tries++;
    this.#context.sprays++;
    this.#context.counters.add('sprays');
  }

  #end(found: boolean): void {
    const spray = this.#spray;
    if (spray === null) return;
    this.#spray = null;
    this.#context.sprays--;
    this.closeUnused();
    const { probes, sockets } = spray;
    this.#context.sink.event({ kind: 'sprayed', slot: this.#slot, found, probes, sockets: sockets.length });
  }

  /**
   * Where the peer said in its invitation that it is seen from outside, in IPv4, which is where hard NATs are. Of a hard NAT
   * the interface's address is none that could be probed at.
   */
  #targets(): UdpAddress[] {
    const { candidates, peerIsHard } = this.#invitations;
    return usableCandidates(candidates, this.#context.overlay, MAX_CANDIDATES)
      .filter(({ address }) => address.family === 4 && !isLocal(address))
      .filter(({ kind }) => kind !== 'interface' || !peerIsHard)
      .map(({ address }) => address)
      .slice(0, 2);
  }
}
