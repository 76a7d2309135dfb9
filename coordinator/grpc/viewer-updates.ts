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
import type { NetworkChanges, NetworkRecord } from '../store/contract/network.ts';
import type { NodeRecord } from '../store/contract/nodes.ts';
import type { HeldNetwork } from './held-network.ts';

/** How many changes that are not its to see a stream may be behind: then it is brought up, lest it need a snapshot one day. */
const LAG_STEPS = 16;

/** What brings a viewer up to date. */
export type Update = { kind: 'snapshot'; view: SnapshotView } | { kind: 'delta'; view: DeltaView } | null;

/** What each node is shown of the network that is held. */
export class ViewerUpdates {
  readonly #held: HeldNetwork;

  constructor(held: HeldNetwork) {
    this.#held = held;
  }

  /** All that it may see; null for who is no member. `now`: milliseconds since the epoch. */
  snapshot(viewerId: string, now: number): Update {
    const { network, nodes, visibility } = this.#held;
    const viewer = nodes.get(viewerId);
    if (viewer === undefined) return null;
    const peers = [...visibility.peersOf(viewerId)].flatMap((id) => nodes.get(id) ?? []);
    return { kind: 'snapshot', view: snapshotFor(viewer, network, peers, now, this.#sight(viewerId)) };
  }

  /** Without a policy everybody sees every change: those since `version`, as `network` has it; else all that it may see. */
  since(
    viewer: NodeRecord,
    network: NetworkRecord,
    version: number,
    changes: NetworkChanges,
    now: number,
  ): Update {
    const delta = deltaFor(viewer, network, version, changes, now, this.#sight(viewer.id));
    return delta === null ? this.snapshot(viewer.id, now) : { kind: 'delta', view: delta };
  }

  /**
   * Under a policy each sees of the changes what is its to see. Null for one that may be left behind a little (`mayLag`), when that
   * is nothing.
   */
  sinceUnderPolicy(viewer: NodeRecord, epoch: string, version: number, mayLag: boolean, now: number): Update {
    const { network, nodes, visibility } = this.#held;
    const steps = epoch === network.epoch ? visibility.stepsSince(version) : null;
    const difference = steps === null ? null : visibility.differenceSince(viewer.id, version);
    if (steps === null || difference === null || viewer.viewVersion > version)
      return this.snapshot(viewer.id, now);
    const { peers, gone } = difference;
    // Whom its devices may know of is told to a gateway as a part of what it is.
    const self = difference.self || visibility.devicesOf(viewer.id).length > 0;
    const isForAll = this.#held
      .lastSteps(steps)
      .some(({ relays, settings }) => relays !== null || settings !== null);
    if (mayLag && steps < LAG_STEPS && peers.length + gone.length === 0 && !self && !isForAll) return null;
    const seen = peers.flatMap((id) => nodes.get(id) ?? []);
    const changes = {
      epoch,
      version: network.version,
      changed: self ? [viewer, ...seen] : seen,
      removed: gone,
      relays: isForAll ? network.relays : null,
      settings: isForAll ? network.settings : null,
      complete: true,
    };
    const delta = deltaFor(viewer, network, version, changes, now, this.#sight(viewer.id));
    return delta === null ? this.snapshot(viewer.id, now) : { kind: 'delta', view: delta };
  }

  /** A difference that says nothing but what the viewer is; null for who is no member. */
  standing(viewerId: string): DeltaView | null {
    const self = this.self(viewerId);
    if (self === null) return null;
    const { version } = this.#held.network;
    return { fromVersion: version, version, self, peers: [], removedNodeIds: [] };
  }

  self(viewerId: string): SelfView | null {
    const viewer = this.#held.nodes.get(viewerId);
    return viewer === undefined ? null : selfView(viewer, this.#held.network, this.#sight(viewerId));
  }

  #sight(viewerId: string): Sight {
    const { visibility } = this.#held;
    return {
      carriedBy: (peerId) => visibility.carriedFor(viewerId, peerId),
      filter: () => visibility.filterOf(viewerId),
      notices: () => this.#held.noticesFor(viewerId),
      devices: () => (visibility.hasPolicy ? this.#carriedBy(viewerId) : []),
    };
  }

  #carriedBy(viewerId: string): CarriedDeviceView[] {
    const { visibility } = this.#held;
    return visibility
      .devicesOf(viewerId)
      .map(({ id }) => ({ nodeId: id, seesNodeIds: [...visibility.peersOf(id)] }));
  }
}
