import type { DeviceState } from './devices/device-file.ts';
import type { Granted } from './grants.ts';
import type { MeetingGroups } from './meeting-groups.ts';
import { ONE_GROUP } from './meeting-groups.ts';
import { CompiledPolicy, DENY_ALL, type FilterRuleView } from './policy/compile.ts';
import type { PolicyNetwork, PolicyNode } from './policy/node-state.ts';
import { parsePolicy } from './policy/parse.ts';
import { policyNode } from './policy/policy-node.ts';
import type { Identified } from './policy/rule-index.ts';
import { type Difference, Span, type Step } from './policy/span.ts';
import { type Decided, takesPart } from './standing.ts';

/** What visibility depends on in a node. */
export type VisibleNode = Granted &
  Identified &
  Decided &
  Pick<PolicyNode, 'id' | 'address4' | 'address6'> & { readonly device?: DeviceState | null };

/** What brought the network from one version to another. */
export interface VisibilityChange {
  readonly from: number;
  readonly version: number;
  readonly changed: readonly VisibleNode[];
  readonly removed: readonly string[];
  /** The policy if it changed, null if it did not. */
  readonly policy: { readonly document: string } | null;
}

/** Steps kept: who is further behind gets a snapshot. */
const KEPT_STEPS = 64;

/**
 * Who may see whom under the policy, and what became of it in the latest versions. Everybody sees everybody while there is none.
 * Who waits for approval or is disabled is to all of this as if it were not there.
 */
export class Visibility {
  /** Why the policy in the store could not be read; nothing is let pass then. */
  problem: string | null = null;
  readonly #network: PolicyNetwork;
  readonly #nodes = new Map<string, VisibleNode>();
  /** By gateway. */
  readonly #devices = new Map<string, VisibleNode[]>();
  /** By agent that they dial beside their gateway. */
  readonly #guarded = new Map<string, VisibleNode[]>();
  #policy: CompiledPolicy | null;
  #steps: Step[] = [];
  #version: number;
  #groups: MeetingGroups | null = null;
  /** By the version that they begin at, until the next step. */
  readonly #spans = new Map<number, Span>();

  constructor(
    network: PolicyNetwork & { readonly version: number },
    nodes: Iterable<VisibleNode>,
    policy: { readonly document: string } | null,
  ) {
    this.#network = network;
    this.#version = network.version;
    for (const node of nodes) if (takesPart(node)) this.#nodes.set(node.id, node);
    this.#sortDevices();
    this.#policy = policy === null ? null : this.#compile(policy.document);
  }

  get hasPolicy(): boolean {
    return this.#policy !== null;
  }

  advance({ from, version, policy, ...change }: VisibilityChange): void {
    const changed = change.changed.filter(takesPart);
    const shutOut = change.changed.filter((node) => !takesPart(node)).map(({ id }) => id);
    const removed = [...change.removed, ...shutOut];
    const changedIds = changed.map(({ id }) => id);
    const before = [...changedIds, ...removed].flatMap((id) => this.#dialledBy(id));
    for (const node of changed) this.#nodes.set(node.id, node);
    for (const id of removed) this.#nodes.delete(id);
    const dialled = [...before, ...changedIds.flatMap((id) => this.#dialledBy(id))];
    if (dialled.length > 0) this.#sortDevices();
    const touched = new Map(changed.map((node) => [node.id, node]));
    for (const id of dialled) {
      const agent = this.#nodes.get(id);
      if (agent !== undefined) touched.set(id, agent);
    }
    const step = this.#policy?.update([...touched.values()].map(this.#policyNode), removed) ?? null;
    let ended: Step['ended'];
    if (policy !== null) {
      ended = this.#policy;
      this.#policy = this.#compile(policy.document);
    }
    this.#steps.push({ from, changed: [...touched.keys()], removed, policy: step, ended });
    if (this.#steps.length > KEPT_STEPS) this.#steps.shift();
    this.#version = version;
    this.#spans.clear();
    if (ended !== undefined || (step !== null && step.before.size > 0)) this.#groups = null;
  }

  /** Whether two members may know of each other. */
  mayMeet(a: string, b: string): boolean {
    if (this.#policy === null) return a !== b;
    const [one, other] = [this.#policy.state(a), this.#policy.state(b)];
    return one !== undefined && other !== undefined && this.#policy.mayMeet(one, other);
  }

  /** Ids of all that a viewer may see. */
  *peersOf(viewer: string): Generator<string> {
    if (this.#policy !== null) yield* this.#policy.peersOf(viewer);
    else for (const id of this.#nodes.keys()) if (id !== viewer) yield id;
  }

  /** Of what a peer carries, that which concerns the viewer; null for all of it. */
  carriedFor(viewer: string, peer: string): { routes: string[]; exitNode: boolean } | null {
    if (this.#policy === null) return null;
    const [one, other] = [this.#policy.state(viewer), this.#policy.state(peer)];
    if (one === undefined || other === undefined) return { routes: [], exitNode: false };
    return this.#policy.carriedFor(one, other);
  }

  /** What may come in at a node; null for everything. */
  filterOf(nodeId: string): FilterRuleView[] | null {
    return this.#policy?.filterOf(nodeId) ?? null;
  }

  /** Who may meet whom by relay; the same object for as long as it is the same. */
  groups(): MeetingGroups {
    if (this.#policy === null) return ONE_GROUP;
    this.#groups ??= this.#policy.groups();
    return this.#groups;
  }

  /** How many steps lie between a version and now; null when that is not known. */
  stepsSince(version: number): number | null {
    if (version === this.#version) return 0;
    const start = this.#steps.findIndex(({ from }) => from === version);
    return start < 0 ? null : this.#steps.length - start;
  }

  /**
   * What a viewer has to be told that holds the map of a version. Null when the steps kept do not reach back to it, so that a
   * snapshot is due, and without a policy.
   */
  differenceSince(viewer: string, version: number): Difference | null {
    const count = this.stepsSince(version);
    if (count === null || this.#policy === null) return null;
    let span = this.#spans.get(version);
    if (span === undefined) {
      span = new Span(this.#steps.slice(this.#steps.length - count), this.#policy, this.#nodes);
      this.#spans.set(version, span);
    }
    return span.differenceFor(viewer);
  }

  /** Devices that a node is the gateway of. */
  devicesOf(nodeId: string): readonly VisibleNode[] {
    return this.#devices.get(nodeId) ?? [];
  }

  /** Agents in the file of a device, the gateway first; none for what is no device. */
  #dialledBy(nodeId: string): string[] {
    return this.#nodes.get(nodeId)?.device?.file.peers.map((peer) => peer.nodeId) ?? [];
  }

  #sortDevices(): void {
    this.#devices.clear();
    this.#guarded.clear();
    for (const node of this.#nodes.values()) {
      for (const [index, id] of this.#dialledBy(node.id).entries()) {
        const sorted = index === 0 ? this.#devices : this.#guarded;
        sorted.set(id, [...(sorted.get(id) ?? []), node]);
      }
    }
  }

  readonly #policyNode = (node: VisibleNode): PolicyNode => {
    const [devices, guarded] = [this.#devices.get(node.id), this.#guarded.get(node.id)];
    return {
      ...policyNode(node),
      ...(devices === undefined ? {} : { devices }),
      ...(guarded === undefined ? {} : { guarded }),
    };
  };

  /** A document that cannot be read was checked by another release: it lets nothing pass rather than everything. */
  #compile(text: string): CompiledPolicy {
    const { document, problems } = parsePolicy(text);
    const [first] = problems;
    this.problem = first === undefined ? null : `${first.line}:${first.column}: ${first.message}`;
    const nodes = [...this.#nodes.values()].map(this.#policyNode);
    return new CompiledPolicy(document ?? DENY_ALL, this.#network, nodes);
  }
}
