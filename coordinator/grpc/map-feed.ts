import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { DeltaView, SelfView } from '../network/map.ts';
import type { MeetingGroups } from '../network/meeting-groups.ts';
import type { NetworkRecord } from '../store/contract/network.ts';
import type { NodeRecord } from '../store/contract/nodes.ts';
import type { Store } from '../store/store.ts';
import type { MeshNodes } from '../telemetry/mesh-nodes.ts';
import { HeldNetwork } from './held-network.ts';
import { type Update, ViewerUpdates } from './viewer-updates.ts';

/** How long to wait before asking again when the database did not answer, milliseconds. */
const RETRY_INTERVAL = 1_000;
/** Subscribers told in one turn of the event loop: of many, the first need not wait until there is something made for all. */
const TOLD_AT_ONCE = 16;

/** One that wants to hear of changes. */
export interface Subscriber {
  readonly nodeId: string;
  /** The map has moved on; ask `since`. */
  changed(): void;
  /** The node is no longer a member. */
  removed(): void;
}

/**
 * The network as the database has it, held once for all streams and kept up by differences. So a change costs one small
 * query and, for each stream, as much as the change is large; the database's being away changes nothing of what is held.
 */
export class MapFeed implements MeshNodes {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #held: HeldNetwork;
  readonly #updates: ViewerUpdates;
  readonly #subscribers = new Set<Subscriber>();
  /** Those who have yet to hear of the latest step. */
  readonly #untold = new Set<Subscriber>();
  readonly #listeners = new Set<() => void>();
  #refreshing: Promise<void> | null = null;
  #dirty = false;
  #retry: NodeJS.Timeout | null = null;
  #telling: NodeJS.Immediate | null = null;
  #unsubscribe: () => void = () => {};

  private constructor(store: Store, clock: Clock, log: Logger, network: NetworkRecord, nodes: NodeRecord[]) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#held = new HeldNetwork(network, nodes);
    this.#updates = new ViewerUpdates(this.#held);
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
    if (this.#telling !== null) clearImmediate(this.#telling);
    this.#untold.clear();
    this.#subscribers.clear();
    this.#listeners.clear();
  }

  subscribe(subscriber: Subscriber): () => void {
    this.#subscribers.add(subscriber);
    return () => {
      this.#subscribers.delete(subscriber);
      this.#untold.delete(subscriber);
    };
  }

  /** Calls back after every step of the network. */
  onMove(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get network(): NetworkRecord {
    return this.#held.network;
  }

  /** Whether two members may know of each other. */
  mayMeet(a: string, b: string): boolean {
    return this.#held.visibility.mayMeet(a, b);
  }

  nodes(): Iterable<NodeRecord> {
    return this.#held.nodes.values();
  }

  /** Who may meet whom by relay; the same object for as long as it is the same. */
  groups(): MeetingGroups {
    return this.#held.visibility.groups();
  }

  get version(): number {
    return this.network.version;
  }

  hasRelay(id: string): boolean {
    return this.network.relays.some((relay) => relay.id === id);
  }

  node(id: string): NodeRecord | undefined {
    return this.#held.nodes.get(id);
  }

  /**
   * What a viewer needs that holds `version` of `epoch`; null when it is up to date or no longer a member, and, for one that may
   * be left behind a little, when nothing of what changed is its to see.
   */
  async since(viewerId: string, epoch: string, version: number, mayLag = false): Promise<Update> {
    // A stream that was told what the store said meanwhile is ahead of what is held here. One that is ahead of the store too
    // has seen what a restored backup has not.
    if (epoch === this.network.epoch && version > this.version) await this.refresh();
    const { network } = this;
    const viewer = this.node(viewerId);
    if (viewer === undefined || (epoch === network.epoch && version === network.version)) return null;
    const now = this.#clock.wall();
    const updates = this.#updates;
    if (this.#held.visibility.hasPolicy) return updates.sinceUnderPolicy(viewer, epoch, version, mayLag, now);
    if (epoch !== network.epoch || version === 0 || version > network.version)
      return updates.snapshot(viewerId, now);
    const changes = this.#held.stepFrom(version) ?? (await this.#store.changesSince(version));
    if (changes.policy === null && !this.#held.visibility.hasPolicy)
      return updates.since(viewer, network, version, changes, now);
    // The store may be ahead of what is held here: of a policy nobody hears half.
    await this.refresh();
    return updates.snapshot(viewerId, now);
  }

  /** A difference that says nothing but what the viewer is; null when it is no longer a member. */
  standing(viewerId: string): DeltaView | null {
    return this.#updates.standing(viewerId);
  }

  self(viewerId: string): SelfView | null {
    return this.#updates.self(viewerId);
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
    const { epoch, version } = this.network;
    const changes = await this.#store.changesSince(version);
    if (changes.epoch !== epoch || !changes.complete || changes.version < version) {
      const { network, nodes } = await this.#store.snapshot();
      const gone = this.#held.replace(network, nodes);
      this.#warnOfPolicy();
      this.#tell(gone);
      return;
    }
    if (changes.version === version) return;
    this.#held.advance(changes);
    if (changes.policy !== null) this.#warnOfPolicy();
    this.#tell(changes.removed);
  }

  /** One that another release wrote, say. */
  #warnOfPolicy(): void {
    const { problem } = this.#held.visibility;
    if (problem !== null) this.#log.error({ problem }, 'the policy cannot be read; nothing is let pass');
  }

  #tell(removed: readonly string[]): void {
    const gone = new Set(removed);
    for (const subscriber of [...this.#subscribers]) {
      if (gone.has(subscriber.nodeId)) subscriber.removed();
      else this.#untold.add(subscriber);
    }
    if (this.#telling === null) this.#tellSome();
    for (const listener of this.#listeners) listener();
  }

  #tellSome(): void {
    this.#telling = null;
    let told = 0;
    for (const subscriber of this.#untold) {
      if (told++ === TOLD_AT_ONCE) {
        this.#telling = setImmediate(() => this.#tellSome());
        return;
      }
      this.#untold.delete(subscriber);
      subscriber.changed();
    }
  }
}
