import { OverlapNotices } from '../network/overlap-notices.ts';
import { Visibility } from '../network/visibility.ts';
import type { NetworkChanges, NetworkRecord } from '../store/contract/network.ts';
import type { NodeRecord } from '../store/contract/nodes.ts';

/** Latest changes kept, so that streams which are a little behind need not ask the database. */
const KEPT_CHANGES = 64;

/** The network as it was last heard of: its nodes, who may know whom, and the latest steps that led there. */
export class HeldNetwork {
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #overlaps = new OverlapNotices();
  readonly #recent: (NetworkChanges & { from: number })[] = [];
  #network: NetworkRecord;
  #visibility: Visibility;

  constructor(network: NetworkRecord, nodes: readonly NodeRecord[]) {
    this.#network = network;
    for (const node of nodes) this.#nodes.set(node.id, node);
    this.#visibility = new Visibility(network, nodes, network.policy);
  }

  get network(): NetworkRecord {
    return this.#network;
  }

  get nodes(): ReadonlyMap<string, NodeRecord> {
    return this.#nodes;
  }

  get visibility(): Visibility {
    return this.#visibility;
  }

  /** What the owner of a node is to hear of networks that others have too. */
  noticesFor(nodeId: string): string[] {
    return this.#overlaps.noticesFor(nodeId, this.#nodes.values(), (other) =>
      this.#visibility.mayMeet(nodeId, other),
    );
  }

  /** The last `count` steps, oldest first; `count` must not be more than Visibility knows of. */
  lastSteps(count: number): readonly NetworkChanges[] {
    return this.#recent.slice(this.#recent.length - count);
  }

  /** The step from a version to the present one, if it was the last step. */
  stepFrom(version: number): NetworkChanges | null {
    const last = this.#recent.at(-1);
    return last !== undefined && last.from === version ? last : null;
  }

  /** Holds another one as a whole. The ids of nodes that are no more. */
  replace(network: NetworkRecord, nodes: readonly NodeRecord[]): string[] {
    const known = new Set(nodes.map((node) => node.id));
    const gone = [...this.#nodes.keys()].filter((id) => !known.has(id));
    this.#nodes.clear();
    this.#overlaps.forget();
    for (const node of nodes) this.#nodes.set(node.id, node);
    this.#network = network;
    this.#visibility = new Visibility(network, nodes, network.policy);
    this.#recent.length = 0;
    return gone;
  }

  /** One step further, of the same epoch and complete. */
  advance(changes: NetworkChanges): void {
    const from = this.#network.version;
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
    this.#recent.push({ ...changes, from });
    if (this.#recent.length > KEPT_CHANGES) this.#recent.shift();
  }
}
