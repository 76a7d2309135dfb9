import type { Clock } from '../../shared/clock.ts';
import { chooseHome } from './choose-home.ts';
import type { RelayCallbacks, RelayState, RelayTarget } from './client.ts';

/** How often all relays are measured again, milliseconds. */
export const MEASURE_INTERVAL = 5 * 60_000;
/** A relay that has not answered in this time is taken for away. */
export const MEASURE_LIMIT = 3_000;
/** A connection to a relay other than the home ends after so long without a datagram. */
export const IDLE_LIMIT = 60_000;
/** A relay that said a node is not connected to it is not asked to reach it for so long. */
export const GONE_MEMORY = 2_000;
/** What came by a relay so recently shows that its sender is there. */
export const HEARD_MEMORY = 15_000;
const TICK = 250;

/** What this needs of a RelayClient. */
export interface Connection {
  readonly state: RelayState;
  readonly latency: number | null;
  start(): void;
  reconnect(): void;
  send(nodeId: string, datagram: Uint8Array): void;
  close(): void;
}

export interface RelaysCallbacks {
  onDatagram(nodeId: string, datagram: Uint8Array): void;
  /** Where others reach this agent from now on; null: nowhere. To be told to the coordinator. */
  onHome(relayId: string | null): void;
  /** All relays say that the node is not there, or it may be there again. */
  onAbsent(nodeId: string, isAbsent: boolean): void;
}

/** A relay for status. */
export interface RelayStatus {
  id: string;
  state: RelayState | 'unused';
  /** Milliseconds when last measured; null if it did not answer. */
  latency: number | null;
  isHome: boolean;
}

interface Known {
  target: RelayTarget;
  connection: Connection | null;
  latency: number | null;
  /** Could not be connected to, or was lost, and has not been connected to since. */
  isDown: boolean;
  /** When it was last needed: connected for a measurement, or a datagram went or came. */
  usedAt: number;
}

/** Where a node is. */
interface Node {
  /** Its home in the map; null before anything was sent to it. */
  home: string | null;
  /** The relay that last brought something from it, since its home is this one; null for none. */
  heardBy: string | null;
  heardAt: number;
}

/**
 * All relays of the network as one agent uses them: measures them, stays connected to its home, goes to the homes of others when
 * there is something for them, and comes back from those when there no longer is.
 */
export class Relays {
  readonly #clock: Clock;
  readonly #connect: (target: RelayTarget, callbacks: RelayCallbacks) => Connection;
  readonly #callbacks: RelaysCallbacks;
  readonly #known = new Map<string, Known>();
  /** By node id. */
  readonly #nodes = new Map<string, Node>();
  /** When a relay said that a node is not connected to it, by both ids. */
  readonly #gone = new Map<string, number>();
  /** Nodes that no relay which can be reached has. */
  readonly #absent = new Set<string>();
  readonly #ticker: NodeJS.Timeout;
  #home: string | null = null;
  #measuringSince: number | null = null;
  #measuredAt = Number.NEGATIVE_INFINITY;

  /** `connect` makes a client that is not started yet. */
  constructor(
    clock: Clock,
    connect: (target: RelayTarget, callbacks: RelayCallbacks) => Connection,
    callbacks: RelaysCallbacks,
  ) {
    this.#clock = clock;
    this.#connect = connect;
    this.#callbacks = callbacks;
    this.#ticker = setInterval(() => this.#tick(), TICK);
  }

  get home(): string | null {
    return this.#home;
  }

  /** The relays of the map; those that are as they were are left alone. */
  update(targets: readonly RelayTarget[]): void {
    const wanted = new Map(targets.map((target) => [target.id, target]));
    for (const [id, known] of [...this.#known]) {
      const target = wanted.get(id);
      if (target !== undefined && sameTarget(target, known.target)) continue;
      known.connection?.close();
      this.#known.delete(id);
    }
    let isNew = false;
    for (const target of targets) {
      if (this.#known.has(target.id)) continue;
      isNew = true;
      this.#known.set(target.id, { target, connection: null, latency: null, isDown: false, usedAt: 0 });
    }
    if (isNew) this.#measure();
    this.#choose();
  }

  /** Connects anew to all: this host has lost an address, perhaps theirs. */
  reconnect(): void {
    for (const { connection } of this.#known.values()) connection?.reconnect();
    this.#measure();
  }

  /** Measures all relays now: this host's network has changed. */
  measure(): void {
    this.#measure();
  }

  /** Sends a datagram to a node at its home, or where else it may be. Takes over the bytes. */
  send(nodeId: string, homeRelay: string, datagram: Uint8Array): void {
    const known = this.#wayTo(nodeId, homeRelay);
    if (known === undefined) return;
    known.usedAt = this.#clock.monotonic();
    this.#open(known).send(nodeId, datagram);
  }

  status(): RelayStatus[] {
    return [...this.#known.values()].map(({ target, connection, latency }) => ({
      id: target.id,
      state: connection?.state ?? 'unused',
      latency: connection?.latency ?? latency,
      isHome: target.id === this.#home,
    }));
  }

  close(): void {
    clearInterval(this.#ticker);
    for (const known of this.#known.values()) known.connection?.close();
    this.#known.clear();
  }

  /**
   * Back the way that something just came: there the node is. Else to its home in the map, which may be out of date, for
   * nobody tells of another while the coordinator is away: then where the node was last heard, to this agent's own home, and,
   * when the node's is down, to any other.
   */
  #wayTo(nodeId: string, homeRelay: string): Known | undefined {
    const node = this.#node(nodeId);
    if (node.home !== null && node.home !== homeRelay) node.heardBy = null;
    node.home = homeRelay;
    const heardBy = this.#known.get(node.heardBy ?? '');
    const home = this.#known.get(homeRelay);
    const own = this.#known.get(this.#home ?? '');
    const isFresh = node.heardBy !== null && this.#clock.monotonic() - node.heardAt < HEARD_MEMORY;
    for (const known of isFresh ? [heardBy, home, own] : [home, heardBy, own])
      if (known !== undefined && this.#mayReach(known, nodeId)) return known;
    if (home?.isDown === true) {
      for (const other of this.#known.values()) if (this.#mayReach(other, nodeId)) return other;
    }
    return home ?? own;
  }

  #mayReach({ target, isDown }: Known, nodeId: string): boolean {
    return !isDown && !this.#gone.has(`${target.id} ${nodeId}`);
  }

  #heard(nodeId: string, { target }: Known): void {
    const node = this.#node(nodeId);
    node.heardBy = target.id;
    node.heardAt = this.#clock.monotonic();
    this.#gone.delete(`${target.id} ${nodeId}`);
    this.#setAbsent(nodeId, false);
  }

  #setAbsent(nodeId: string, isAbsent: boolean): void {
    if (this.#absent.has(nodeId) === isAbsent) return;
    if (isAbsent) this.#absent.add(nodeId);
    else this.#absent.delete(nodeId);
    this.#callbacks.onAbsent(nodeId, isAbsent);
  }

  #node(nodeId: string): Node {
    let node = this.#nodes.get(nodeId);
    if (node === undefined) {
      node = { home: null, heardBy: null, heardAt: Number.NEGATIVE_INFINITY };
      this.#nodes.set(nodeId, node);
    }
    return node;
  }

  #measure(): void {
    const now = this.#clock.monotonic();
    this.#measuringSince = now;
    this.#measuredAt = now;
    for (const known of this.#known.values()) {
      known.usedAt = now;
      this.#open(known);
    }
  }

  #open(known: Known): Connection {
    if (known.connection !== null) return known.connection;
    const connection = this.#connect(known.target, {
      onDatagram: (nodeId, datagram) => {
        known.usedAt = this.#clock.monotonic();
        this.#heard(nodeId, known);
        this.#callbacks.onDatagram(nodeId, datagram);
      },
      onState: (state) => {
        if (state === 'waiting') known.isDown = true;
        else if (state === 'connected') known.isDown = false;
      },
      onPeerGone: (nodeId) => {
        this.#gone.set(`${known.target.id} ${nodeId}`, this.#clock.monotonic());
        if (![...this.#known.values()].some((other) => this.#mayReach(other, nodeId)))
          this.#setAbsent(nodeId, true);
      },
      onUnsent: (nodeId, datagram) => this.send(nodeId, this.#node(nodeId).home ?? '', datagram),
    });
    known.connection = connection;
    connection.start();
    return connection;
  }

  #tick(): void {
    const now = this.#clock.monotonic();
    if (now - this.#measuredAt >= MEASURE_INTERVAL) this.#measure();
    for (const [key, at] of this.#gone) {
      if (now - at < GONE_MEMORY) continue;
      this.#gone.delete(key);
      this.#setAbsent(key.slice(key.indexOf(' ') + 1), false);
    }
    for (const known of this.#known.values()) {
      const { connection } = known;
      if (connection === null) continue;
      if (connection.latency !== null) known.latency = connection.latency;
      else if (connection.state === 'waiting') known.latency = null;
    }
    this.#choose();
    if (this.#measuringSince !== null) return;
    for (const [id, known] of this.#known) {
      if (id === this.#home || known.connection === null || now - known.usedAt < IDLE_LIMIT) continue;
      known.connection.close();
      known.connection = null;
      known.isDown = false;
    }
  }

  /** The home by what was measured. While a measurement is under way only a home that failed is replaced. */
  #choose(): void {
    if (this.#measuringSince !== null) {
      const isOver = this.#clock.monotonic() - this.#measuringSince >= MEASURE_LIMIT;
      const isDone = [...this.#known.values()].every(
        ({ connection }) =>
          connection !== null && (connection.latency !== null || connection.state === 'waiting'),
      );
      if (isOver || isDone) this.#measuringSince = null;
      else if (this.#home === null || (this.#known.get(this.#home)?.latency ?? null) !== null) return;
    }
    const relays = [...this.#known.values()].map(({ target, latency }) => ({ id: target.id, latency }));
    const home = chooseHome(this.#home, relays);
    if (home === this.#home) return;
    this.#home = home;
    const known = home === null ? undefined : this.#known.get(home);
    if (known !== undefined) this.#open(known);
    this.#callbacks.onHome(home);
  }
}

function sameTarget(a: RelayTarget, b: RelayTarget): boolean {
  return a.tlsName === b.tlsName && a.urls.join(' ') === b.urls.join(' ');
}
