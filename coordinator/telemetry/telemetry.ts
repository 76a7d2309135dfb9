import type { PathReport } from '../../proto/gen/warren.ts';
import type { Clock } from '../../shared/clock.ts';
import { TokenBucket } from '../../shared/token-bucket.ts';
import type { Watch } from '../store/coordinators/coordinators.ts';
import { CarrierUses, MAX_ROUTE_USES } from './carrier-uses.ts';
import { LatencyHistory } from './latency-history.ts';
import type { MeshNodes } from './mesh-nodes.ts';
import { NodeTelemetry } from './node-telemetry.ts';
import { relayedLatency } from './relayed-latency.ts';

/** How often agents tell bytes and latencies while nobody looks, milliseconds. */
export const QUIET_INTERVAL = 60_000;
/** While somebody looks no agent is asked more often. */
export const LEAST_INTERVAL = 2_000;
/** For whoever asks once, and perhaps again soon. */
const GLANCE_INTERVAL = 5_000;
/** After nobody looks any more, so that a page which is opened again asks nobody anew. */
const LINGER = 15_000;
/** In the place of a node's id: all of them. */
const ALL = '';
/** What a node may report, in paths: a second and at once. More is dropped. */
const RATE = 1_024;
const BURST = 8_192;
const MINUTE = 60_000;
/** More nodes than this that somebody looks at are all of them. */
const MOST_WATCHED = 64;

/** Hears which parts of the picture are others than before. */
export interface MeshListener {
  edge(a: string, b: string): void;
  node(id: string): void;
}

/** One agent's stream, as its owner tells of it. */
export interface ReportingStream {
  /** No other has taken its place. */
  readonly isCurrent: boolean;
  /** Takes a report: untrusted. `age`: milliseconds since it was told. */
  report(report: PathReport, age?: number): void;
  end(): void;
}

interface Demand {
  interval: number;
  /** Null for all. */
  nodes: ReadonlySet<string> | null;
}

interface Stream {
  ask: (interval: number) => void;
  asked: number;
  /** The agent is connected to this coordinator, not to another one that hands on what it tells. */
  isOwn: boolean;
}

/**
 * What agents tell of their paths, held in memory for a day: nothing of it is in the network map, and in the database only while
 * coordinators hand it on to each other. A report costs as much as it says, whoever else there is; nobody but the people of the admin
 * page sees it.
 */
export class Telemetry {
  readonly latencies = new LatencyHistory();
  readonly carrierUses = new CarrierUses();
  readonly #nodes: MeshNodes;
  readonly #clock: Clock;
  readonly #states = new Map<string, NodeTelemetry>();
  readonly #streams = new Map<string, Stream>();
  readonly #listeners = new Set<MeshListener>();
  readonly #demands = new Set<Demand>();
  /** Those of people at other coordinators. */
  #demandsElsewhere: readonly Demand[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Nodes that somebody asked for lately, and until when that counts, monotonic. */
  readonly #glances = new Map<string, number>();
  #glanceTimer: NodeJS.Timeout | null = null;
  readonly #sweeper: NodeJS.Timeout;

  constructor(nodes: MeshNodes, clock: Clock) {
    this.#nodes = nodes;
    this.#clock = clock;
    this.#sweeper = setInterval(() => this.sweep(), MINUTE);
    this.#sweeper.unref();
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const timer of this.#timers) clearTimeout(timer);
    if (this.#glanceTimer !== null) clearInterval(this.#glanceTimer);
    this.#listeners.clear();
  }

  /** What a node told; undefined if it never told anything. */
  of(nodeId: string): NodeTelemetry | undefined {
    return this.#states.get(nodeId);
  }

  states(): Iterable<NodeTelemetry> {
    return this.#states.values();
  }

  /** A node's stream begins, and takes the place of one of before. `ask` sends a PathWatch of that interval. */
  connect(nodeId: string, ask: (interval: number) => void): ReportingStream {
    return this.#begin(nodeId, { ask, asked: this.#intervalOf(nodeId), isOwn: true });
  }

  /** The same for a stream at another coordinator; null while the node has one here, which knows better. */
  connectElsewhere(nodeId: string): ReportingStream | null {
    if (this.isConnectedHere(nodeId)) return null;
    return this.#begin(nodeId, { ask: () => {}, asked: this.#intervalOf(nodeId), isOwn: false });
  }

  /** Whether a node's stream is at this coordinator. */
  isConnectedHere(nodeId: string): boolean {
    return this.#streams.get(nodeId)?.isOwn === true;
  }

  #begin(nodeId: string, stream: Stream): ReportingStream {
    const state = this.#states.get(nodeId) ?? new NodeTelemetry(nodeId);
    this.#states.set(nodeId, state);
    state.begin();
    this.carrierUses.forget(nodeId);
    this.#streams.set(nodeId, stream);
    const bucket = new TokenBucket(RATE, BURST, this.#clock.monotonic());
    stream.ask(stream.asked);
    this.#tell(state);
    const isCurrent = () => this.#streams.get(nodeId) === stream;
    return {
      get isCurrent() {
        return isCurrent();
      },
      report: (report, age = 0) => {
        if (isCurrent()) this.#take(state, report, bucket, { interval: stream.asked, age });
      },
      end: () => {
        if (!isCurrent()) return;
        this.#streams.delete(nodeId);
        this.carrierUses.forget(nodeId);
        state.end();
        this.#tell(state);
      },
    };
  }

  /** Hears of changes until the function returned is called. */
  listen(listener: MeshListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Somebody looks at some nodes, or at all (null): they tell more often until the function returned is called. */
  watch(interval: number, nodeIds: readonly string[] | null): () => void {
    const nodes = nodeIds === null ? null : new Set(nodeIds);
    const demand = { interval: Math.max(LEAST_INTERVAL, interval), nodes };
    this.#demands.add(demand);
    this.#ask(nodes);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#demands.delete(demand);
        this.#ask(nodes);
      }, LINGER);
      timer.unref();
      this.#timers.add(timer);
    };
  }

  /** Somebody asked for some nodes, or for all (null): for a while they tell more often, in case he asks again. */
  glance(nodeIds: readonly string[] | null): void {
    const until = this.#clock.monotonic() + LINGER;
    const ids = nodeIds === null ? [ALL] : nodeIds.filter((id) => this.#streams.has(id));
    for (const id of ids) this.#glances.set(id, until);
    this.#ask(nodeIds === null ? null : new Set(ids));
    this.#glanceTimer ??= setInterval(() => this.#endGlances(), GLANCE_INTERVAL).unref();
  }

  /** What people look at here, for the other coordinators. */
  watches(): Watch[] {
    const intervals = [...this.#demands].map(({ interval }) => interval);
    if (this.#glances.has(ALL)) intervals.push(GLANCE_INTERVAL);
    const glanced = [...this.#glances.keys()].filter((id) => id !== ALL).sort();
    if (glanced.length > MOST_WATCHED) intervals.push(GLANCE_INTERVAL);
    if (intervals.length > 0) return [{ interval: Math.min(...intervals), nodes: null }];
    return glanced.length === 0 ? [] : [{ interval: GLANCE_INTERVAL, nodes: glanced }];
  }

  /** Replaces what people look at elsewhere. */
  watchedElsewhere(watches: readonly Watch[]): void {
    this.#demandsElsewhere = watches.map(({ interval, nodes }) => ({
      interval: Math.max(LEAST_INTERVAL, interval),
      nodes: nodes === null ? null : new Set(nodes),
    }));
    this.#ask(null);
  }

  #endGlances(): void {
    const now = this.#clock.monotonic();
    const ended = [...this.#glances].filter(([, until]) => until <= now).map(([id]) => id);
    for (const id of ended) this.#glances.delete(id);
    if (ended.length > 0) this.#ask(ended.includes(ALL) ? null : new Set(ended));
    if (this.#glances.size > 0 || this.#glanceTimer === null) return;
    clearInterval(this.#glanceTimer);
    this.#glanceTimer = null;
  }

  /** Forgets nodes that are no longer members, and what was said of them. */
  sweep(): void {
    for (const [id, state] of this.#states) {
      if (this.#nodes.node(id) === undefined) {
        this.#states.delete(id);
        this.latencies.forget(id);
        continue;
      }
      for (const peerId of state.peers.keys()) {
        if (this.#nodes.node(peerId) === undefined) state.peers.delete(peerId);
      }
    }
  }

  #take(
    state: NodeTelemetry,
    report: PathReport,
    bucket: TokenBucket,
    { interval, age }: { interval: number; age: number },
  ): void {
    const monotonic = this.#clock.monotonic();
    const time = { now: this.#clock.wall() - age, monotonic: monotonic - age, interval };
    if (!bucket.take(1, monotonic)) return;
    const isNew = state.takeOwnSide(report, time.now);
    this.#takeCarriers(state.id, report, bucket, monotonic);
    if (isNew || report.carriers !== undefined) for (const each of this.#listeners) each.node(state.id);
    const minute = Math.floor(time.now / MINUTE);
    for (const path of report.peers) {
      if (!bucket.take(1, monotonic)) return;
      // A node speaks for itself alone, and of those alone that it may see.
      if (this.#nodes.node(path.nodeId) === undefined || !this.#nodes.mayMeet(state.id, path.nodeId))
        continue;
      const entry = state.takePath(path.nodeId, path, time);
      if (entry === null) continue;
      const { kind, latency } = entry.view;
      const measured = kind === 'relay' ? relayedLatency(this, this.#nodes, state.id, path.nodeId) : latency;
      if (measured !== null && kind !== 'none')
        this.latencies.record(state.id, path.nodeId, minute, measured);
      for (const each of this.#listeners) each.edge(state.id, path.nodeId);
    }
  }

  #takeCarriers(id: string, { carriers }: PathReport, bucket: TokenBucket, monotonic: number): void {
    if (carriers === undefined) return;
    const cost = Math.min(MAX_ROUTE_USES, carriers.routeUses.length);
    if (bucket.take(cost, monotonic)) this.carrierUses.take(id, carriers, this.#nodes);
  }

  #tell(state: NodeTelemetry): void {
    for (const each of this.#listeners) {
      each.node(state.id);
      for (const peerId of state.peers.keys()) each.edge(state.id, peerId);
    }
  }

  #intervalOf(nodeId: string): number {
    const isGlancedAt = this.#glances.has(ALL) || this.#glances.has(nodeId);
    let interval = isGlancedAt ? GLANCE_INTERVAL : QUIET_INTERVAL;
    for (const demand of [...this.#demands, ...this.#demandsElsewhere]) {
      if (demand.nodes === null || demand.nodes.has(nodeId)) interval = Math.min(interval, demand.interval);
    }
    return interval;
  }

  #ask(nodes: ReadonlySet<string> | null): void {
    for (const nodeId of nodes ?? this.#streams.keys()) {
      const stream = this.#streams.get(nodeId);
      const interval = this.#intervalOf(nodeId);
      if (stream === undefined || stream.asked === interval) continue;
      stream.asked = interval;
      stream.ask(interval);
    }
  }
}
