import type { PeerReach } from '../paths/path-sink.ts';

/** What the watch asks and has done. Routers are known by their slots. */
export interface RouterWatchDependencies {
  /** By path discovery alone; `relay` says nothing of whether it answers. */
  reach(slot: number, now: number): PeerReach;
  /** Bytes of WireGuard's messages so far, handshakes included. */
  traffic(slot: number): { sent: number; received: number };
  /** Has path discovery look for it and watch it, as if there were packets for it. */
  probe(slot: number, now: number): void;
  /** Asks once at all addresses where it may be. */
  search(slot: number, now: number): void;
  /** Sees to it that there is a session. */
  wake(slot: number, now: number): void;
  /** Begins a handshake although there is a session: its answer shows that the other end lives. */
  handshake(slot: number, now: number): void;
  /** Told of every change that matters to a choice between routers. */
  changed(slot: number, reach: PeerReach): void;
}

/** After the last packet for one of them, routers are watched for so long. As path discovery does. */
const ACTIVE_TIME = 15_000;
const TICK = 500;
/** How often a router without a direct path is searched for: it may be back. */
const SEARCH_INTERVAL = 1_000;
/** By relay: after so long without an answer a handshake is tried … */
const SILENCE = 1_500;
/** … and after so long without an answer to that the router is lost. Together with a tick less than 5 s. */
const PATIENCE = 1_500;
/** A round trip is told anew when it differs by this share and by so many milliseconds. */
const ROUND_TRIP_SHARE = 0.2;
const ROUND_TRIP_STEP = 1;

interface Watched {
  activeUntil: number;
  told: PeerReach;
  sent: number;
  received: number;
  /** Since when something was sent and nothing came back; null for now. */
  silentSince: number | null;
  triedAt: number | null;
  /** It has answered since there is traffic, or since it was lost. */
  hasAnswered: boolean;
  searchedAt: number;
}

/**
 * Routers that stand in for each other, watched for as long as there are packets for one of them: then it is known whether the one
 * in use lives, and whether another does. Without packets it does nothing. A direct path is watched by path discovery; by relay a
 * router that is sent to and does not answer is asked for a handshake, which every WireGuard answers.
 */
export class RouterWatch {
  readonly #dependencies: RouterWatchDependencies;
  /** For each router those that stand in for it, itself included. */
  #groups = new Map<number, Set<number>>();
  readonly #watched = new Map<number, Watched>();
  #next = Number.POSITIVE_INFINITY;

  constructor(dependencies: RouterWatchDependencies) {
    this.#dependencies = dependencies;
  }

  setGroups(groups: readonly (readonly number[])[]): void {
    this.#groups = new Map();
    for (const group of groups) {
      for (const slot of group) {
        const others = this.#groups.get(slot) ?? new Set();
        for (const other of group) others.add(other);
        this.#groups.set(slot, others);
      }
    }
    for (const slot of this.#watched.keys()) if (!this.#groups.has(slot)) this.#watched.delete(slot);
  }

  /** There are packets for a peer. Cheap for those that are no routers, and where it was told just before. */
  traffic(slot: number, now: number): void {
    const group = this.#groups.get(slot);
    if (group === undefined) return;
    const until = now + ACTIVE_TIME;
    if (until - (this.#watched.get(slot)?.activeUntil ?? 0) < TICK) return;
    for (const each of group) this.#activate(each, until, now);
    if (this.#next === Number.POSITIVE_INFINITY) this.#next = now;
  }

  nextDeadline(): number {
    return this.#next;
  }

  advance(now: number): void {
    if (now < this.#next) return;
    this.#next = Number.POSITIVE_INFINITY;
    for (const [slot, watched] of this.#watched) {
      if (now >= watched.activeUntil) {
        this.#watched.delete(slot);
        this.#tell(slot, watched, { kind: 'unknown', roundTrip: null });
        continue;
      }
      this.#next = now + TICK;
      this.#look(slot, watched, now);
    }
  }

  #activate(slot: number, until: number, now: number): void {
    const watched = this.#watched.get(slot);
    if (watched !== undefined) watched.activeUntil = until;
    else {
      this.#watched.set(slot, {
        ...this.#dependencies.traffic(slot),
        activeUntil: until,
        told: { kind: 'unknown', roundTrip: null },
        silentSince: null,
        triedAt: null,
        hasAnswered: false,
        searchedAt: now,
      });
    }
    this.#dependencies.probe(slot, now);
  }

  #look(slot: number, watched: Watched, now: number): void {
    const { reach, wake, search } = this.#dependencies;
    this.#listen(slot, watched, now);
    wake(slot, now);
    const found = reach(slot, now);
    if (found.kind !== 'direct' && now - watched.searchedAt >= SEARCH_INTERVAL) {
      watched.searchedAt = now;
      search(slot, now);
    }
    if (found.kind === 'relay') this.#ask(slot, watched, found, now);
    else {
      // Of what was agreed with it before it may know nothing any more: packets must not go there for long in vain.
      const isNew = found.kind === 'direct' && watched.told.kind !== 'direct';
      if (isNew && !watched.hasAnswered) this.#try(slot, watched, now);
      this.#tell(slot, watched, found);
    }
  }

  /** A relay takes whatever is sent to a router, whether that lives or not. */
  #ask(slot: number, watched: Watched, found: PeerReach, now: number): void {
    const { silentSince, triedAt } = watched;
    if (triedAt !== null && now - triedAt >= PATIENCE)
      this.#tell(slot, watched, { kind: 'lost', roundTrip: null });
    else if (triedAt === null && silentSince !== null && now - silentSince >= SILENCE)
      this.#try(slot, watched, now);
    else if (triedAt === null && watched.hasAnswered) this.#tell(slot, watched, found);
  }

  #try(slot: number, watched: Watched, now: number): void {
    watched.triedAt = now;
    this.#dependencies.handshake(slot, now);
  }

  #listen(slot: number, watched: Watched, now: number): void {
    const { sent, received } = this.#dependencies.traffic(slot);
    if (received > watched.received) {
      watched.silentSince = null;
      watched.triedAt = null;
      watched.hasAnswered = true;
    } else if (sent > watched.sent) watched.silentSince ??= now;
    watched.sent = sent;
    watched.received = received;
  }

  #tell(slot: number, watched: Watched, reach: PeerReach): void {
    const { told } = watched;
    if (reach.kind === told.kind && !differs(reach.roundTrip, told.roundTrip)) return;
    watched.told = reach;
    if (reach.kind === 'lost') watched.hasAnswered = false;
    this.#dependencies.changed(slot, reach);
  }
}

function differs(a: number | null, b: number | null): boolean {
  if (a === null || b === null) return a !== b;
  return Math.abs(a - b) > Math.max(ROUND_TRIP_STEP, ROUND_TRIP_SHARE * Math.min(a, b));
}
