import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import {
  type CarriedDeviceView,
  type DeltaView,
  deltaFor,
  type SelfView,
  type Sight,
  type SnapshotView,
  selfView,
  snapshotFor,
} from '../network/map.ts';
import type { MeetingGroups } from '../network/meeting-groups.ts';
import { OverlapNotices } from '../network/overlap-notices.ts';
import { Visibility } from '../network/visibility.ts';
import type { NetworkChanges, NetworkRecord } from '../store/contract/network.ts';
import type { NodeRecord } from '../store/contract/nodes.ts';
import type { Store } from '../store/store.ts';
import type { MeshNodes } from '../telemetry/mesh-nodes.ts';

/** How long to wait before asking again when the database did not answer, milliseconds. */
const RETRY_INTERVAL = 1_000;
/** Latest changes kept, so that streams which are a little behind need not ask the database. */
const KEPT_CHANGES = 64;
/** How many changes that are not its to see a stream may be behind: then it is brought up, lest it need a snapshot one day. */
const LAG_STEPS = 16;

/** One that wants to hear of changes. */
export interface Subscriber {
  readonly nodeId: string;
  /** The map has moved on; ask `since`. */
  changed(): void;
  /** The node is no longer a member. */
  removed(): void;
}

/** What brings a subscriber up to date. */
export type Update = { kind: 'snapshot'; view: SnapshotView } | { kind: 'delta'; view: DeltaView } | null;

/**
 * The network as the database has it, held once for all streams and kept up by differences. So a change costs one small
 * query and, for each stream, as much as the change is large; the database's being away changes nothing of what is held.
 */
export class MapFeed implements MeshNodes {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #subscribers = new Set<Subscriber>();
  readonly #listeners = new Set<() => void>();
  readonly #recent: (NetworkChanges & { from: number })[] = [];
  #network: NetworkRecord;
  #visibility: Visibility;
  readonly #overlaps = new OverlapNotices();
  #refreshing: Promise<void> | null = null;
  #dirty = false;
  #retry: NodeJS.Timeout | null = null;
  #unsubscribe: () => void = () => {};

  private constructor(store: Store, clock: Clock, log: Logger, network: NetworkRecord, nodes: NodeRecord[]) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#network = network;
    for (const node of nodes) this.#nodes.set(node.id, node);
    this.#visibility = new Visibility(network, nodes, network.policy);
    this.#warnOfPolicy();
  }

  static async open(store: Store, clock: Clock, log: Logger): Promise<MapFeed> {
    const { network, nodes } = await store.snapshot();
    const feed = new MapFeed(store, clock, log, network, nodes);
    feed.#unsubscribe = store.onChange(() => void feed.refresh());
    // What changed between the snapshot and the subscription.
    await feed.refresh();
    return feed;
  }

  close(): void {
    this.#unsubscribe();
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#subscribers.clear();
    this.#listeners.clear();
  }

  subscribe(subscriber: Subscriber): () => void {
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  /** Calls back after every step of the network. */
  onMove(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get network(): NetworkRecord {
    return this.#network;
  }

  /** Whether two members may know of each other. */
  mayMeet(a: string, b: string): boolean {
    return this.#visibility.mayMeet(a, b);
  }

  nodes(): Iterable<NodeRecord> {
    return this.#nodes.values();
  }

  /** Who may meet whom by relay; the same object for as long as it is the same. */
  groups(): MeetingGroups {
    return this.#visibility.groups();
  }

  get version(): number {
    return this.#network.version;
  }

  hasRelay(id: string): boolean {
    return this.#network.relays.some((relay) => relay.id === id);
  }

  node(id: string): NodeRecord | undefined {
    return this.#nodes.get(id);
  }

  /**
   * What a viewer needs that holds `version` of `epoch`; null when it is up to date or no longer a member, and, for one that may
   * be left behind a little, when nothing of what changed is its to see.
   */
  async since(viewerId: string, epoch: string, version: number, mayLag = false): Promise<Update> {
    // A stream that was told what the store said meanwhile is ahead of what is held here. One that is ahead of the store too
    // has seen what a restored backup has not.
    if (epoch === this.#network.epoch && version > this.#network.version) await this.refresh();
    const network = this.#network;
    const viewer = this.#nodes.get(viewerId);
    if (viewer === undefined) return null;
    const now = this.#clock.wall();
    if (epoch === network.epoch && version === network.version) return null;
    if (this.#visibility.hasPolicy) return this.#sinceUnderPolicy(viewer, epoch, version, mayLag);
    if (epoch === network.epoch && version > 0 && version < network.version) {
      const changes = this.#changesFrom(version) ?? (await this.#store.changesSince(version));
      // The store may be ahead of what is held here: of a policy nobody hears half.
      if (changes.policy !== null || this.#visibility.hasPolicy) {
        await this.refresh();
        return this.#snapshot(viewerId);
      }
      const delta = deltaFor(viewer, network, version, changes, now, this.#sight(viewerId));
      if (delta !== null) return { kind: 'delta', view: delta };
    }
    return this.#snapshot(viewerId);
  }

  #sinceUnderPolicy(viewer: NodeRecord, epoch: string, version: number, mayLag: boolean): Update {
    const network = this.#network;
    const steps = epoch === network.epoch ? this.#visibility.stepsSince(version) : null;
    const difference = steps === null ? null : this.#visibility.differenceSince(viewer.id, version);
    if (steps === null || difference === null || viewer.viewVersion > version)
      return this.#snapshot(viewer.id);
    const recent = this.#recent.slice(this.#recent.length - steps);
    const { peers, gone } = difference;
    // Whom its devices may know of is told to a gateway as a part of what it is.
    const self = difference.self || this.#visibility.devicesOf(viewer.id).length > 0;
    const isForAll = recent.some(({ relays, settings }) => relays !== null || settings !== null);
    if (mayLag && steps < LAG_STEPS && peers.length + gone.length === 0 && !self && !isForAll) return null;
    const seen = peers.flatMap((id) => this.#nodes.get(id) ?? []);
    const changes = {
      epoch,
      version: network.version,
      changed: self ? [viewer, ...seen] : seen,
      removed: gone,
      relays: isForAll ? network.relays : null,
      settings: isForAll ? network.settings : null,
      complete: true,
    };
    const delta = deltaFor(viewer, network, version, changes, this.#clock.wall(), this.#sight(viewer.id));
    return delta === null ? this.#snapshot(viewer.id) : { kind: 'delta', view: delta };
  }

  #snapshot(viewerId: string): Update {
    const viewer = this.#nodes.get(viewerId);
    if (viewer === undefined) return null;
    const nodes = [...this.#visibility.peersOf(viewerId)].flatMap((id) => this.#nodes.get(id) ?? []);
    const now = this.#clock.wall();
    return { kind: 'snapshot', view: snapshotFor(viewer, this.#network, nodes, now, this.#sight(viewerId)) };
  }

  #sight(viewerId: string): Sight {
    return {
      carriedBy: (peerId) => this.#visibility.carriedFor(viewerId, peerId),
      filter: () => this.#visibility.filterOf(viewerId),
      notices: () =>
        this.#overlaps.noticesFor(viewerId, this.#nodes.values(), (other) =>
          this.#visibility.mayMeet(viewerId, other),
        ),
      devices: () => (this.#visibility.hasPolicy ? this.#carriedBy(viewerId) : []),
    };
  }

  #carriedBy(viewerId: string): CarriedDeviceView[] {
    return this.#visibility
      .devicesOf(viewerId)
      .map(({ id }) => ({ nodeId: id, seesNodeIds: [...this.#visibility.peersOf(id)] }));
  }

  /** One that another release wrote, say. */
  #warnOfPolicy(): void {
    const { problem } = this.#visibility;
    if (problem !== null) this.#log.error({ problem }, 'the policy cannot be read; nothing is let pass');
  }

  /** A difference that says nothing but what the viewer is; null when it is no longer a member. */
  standing(viewerId: string): DeltaView | null {
    const self = this.self(viewerId);
    if (self === null) return null;
    const { version } = this.#network;
    return { fromVersion: version, version, self, peers: [], removedNodeIds: [] };
  }

  self(viewerId: string): SelfView | null {
    const viewer = this.#nodes.get(viewerId);
    return viewer === undefined ? null : selfView(viewer, this.#network, this.#sight(viewerId));
  }

  /** Catches up with the database. Calls while it is under way are answered by one more round. */
  refresh(): Promise<void> {
    this.#dirty = true;
    this.#refreshing ??= this.#run().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #run(): Promise<void> {
    while (this.#dirty) {
      this.#dirty = false;
      try {
        await this.#catchUp();
      } catch (error) {
        // What is held stays as it is: a database that is away must never look like an empty network.
        this.#log.warn({ err: error }, 'the database did not answer; trying again');
        this.#retry ??= setTimeout(() => {
          this.#retry = null;
          void this.refresh();
        }, RETRY_INTERVAL);
        return;
      }
    }
  }

  async #catchUp(): Promise<void> {
    const from = this.#network.version;
    const changes = await this.#store.changesSince(from);
    if (changes.epoch !== this.#network.epoch || !changes.complete || changes.version < from) {
      const { network, nodes } = await this.#store.snapshot();
      const known = new Set(nodes.map((node) => node.id));
      const gone = [...this.#nodes.keys()].filter((id) => !known.has(id));
      this.#nodes.clear();
      this.#overlaps.forget();
      for (const node of nodes) this.#nodes.set(node.id, node);
      this.#network = network;
      this.#visibility = new Visibility(network, nodes, network.policy);
      this.#warnOfPolicy();
      this.#recent.length = 0;
      this.#tell(gone);
      return;
    }
    if (changes.version === from) return;
    for (const node of changes.changed) {
      this.#overlaps.replaced(this.#nodes.get(node.id), node);
      this.#nodes.set(node.id, node);
    }
    for (const id of changes.removed) {
      this.#overlaps.replaced(this.#nodes.get(id), undefined);
      this.#nodes.delete(id);
    }
    this.#network = {
      ...this.#network,
      version: changes.version,
      relays: changes.relays ?? this.#network.relays,
      settings: changes.settings ?? this.#network.settings,
      policy: changes.policy ?? this.#network.policy,
    };
    this.#visibility.advance({ ...changes, from });
    if (changes.policy !== null) this.#warnOfPolicy();
    this.#recent.push({ ...changes, from });
    if (this.#recent.length > KEPT_CHANGES) this.#recent.shift();
    this.#tell(changes.removed);
  }

  #tell(removed: readonly string[]): void {
    const gone = new Set(removed);
    for (const subscriber of [...this.#subscribers]) {
      if (gone.has(subscriber.nodeId)) subscriber.removed();
      else subscriber.changed();
    }
    for (const listener of this.#listeners) listener();
  }

  /** The step from a version to the present one, if it was the last step. */
  #changesFrom(version: number): NetworkChanges | null {
    const last = this.#recent.at(-1);
    return last !== undefined && last.from === version ? last : null;
  }
}
