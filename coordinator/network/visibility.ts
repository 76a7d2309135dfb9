import type { Granted } from './grants.ts';
import type { MeetingGroups } from './meeting-groups.ts';
import { ONE_GROUP } from './meeting-groups.ts';
import { CompiledPolicy, DENY_ALL, type FilterRuleView, type PolicyStep } from './policy/compile.ts';
import type { NodeState, PolicyNetwork, PolicyNode } from './policy/node-state.ts';
import { parsePolicy } from './policy/parse.ts';
import { policyNode } from './policy/policy-node.ts';
import type { Identified } from './policy/rule-index.ts';

/** What visibility depends on in a node. */
export type VisibleNode = Granted & Identified & Pick<PolicyNode, 'id' | 'address4' | 'address6'>;

/** What brought the network from one version to another. */
export interface VisibilityChange {
  readonly from: number;
  readonly version: number;
  readonly changed: readonly VisibleNode[];
  readonly removed: readonly string[];
  /** The policy if it changed, null if it did not. */
  readonly policy: { readonly document: string } | null;
}

/** What somebody who holds the map of an earlier version has to be told. */
export interface Difference {
  /** Nodes that are new to the viewer, or others than they were. */
  readonly peers: readonly string[];
  /** Nodes that it saw and sees no longer. Never one that it did not see. */
  readonly gone: readonly string[];
  /** It is itself another, or what may come in at it is. */
  readonly self: boolean;
}

interface Step {
  readonly from: number;
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** What the nodes' changes did to the policy then in force; null without one. */
  readonly policy: PolicyStep | null;
  /** The policy that ended with this step, as it was after the nodes' changes; undefined if none did. */
  readonly ended: CompiledPolicy | null | undefined;
}

/** Steps kept: who is further behind gets a snapshot. */
const KEPT_STEPS = 64;

/** Who may see whom under the policy, and what became of it in the latest versions. Everybody sees everybody while there is none. */
export class Visibility {
  /** Why the policy in the store could not be read; nothing is let pass then. */
  problem: string | null = null;
  readonly #network: PolicyNetwork;
  readonly #nodes = new Map<string, VisibleNode>();
  #policy: CompiledPolicy | null;
  #steps: Step[] = [];
  #version: number;
  #groups: MeetingGroups | null = null;
  /** Differences that viewers of one class share, until the next step. */
  readonly #shared = new Map<string, { peers: string[]; gone: string[] }>();

  constructor(
    network: PolicyNetwork & { readonly version: number },
    nodes: Iterable<VisibleNode>,
    policy: { readonly document: string } | null,
  ) {
    this.#network = network;
    this.#version = network.version;
    for (const node of nodes) this.#nodes.set(node.id, node);
    this.#policy = policy === null ? null : this.#compile(policy.document);
  }

  get hasPolicy(): boolean {
    return this.#policy !== null;
  }

  advance({ from, version, changed, removed, policy }: VisibilityChange): void {
    for (const node of changed) this.#nodes.set(node.id, node);
    for (const id of removed) this.#nodes.delete(id);
    const step = this.#policy?.update(changed.map(policyNode), removed) ?? null;
    let ended: Step['ended'];
    if (policy !== null) {
      ended = this.#policy;
      this.#policy = this.#compile(policy.document);
    }
    this.#steps.push({ from, changed: changed.map(({ id }) => id), removed, policy: step, ended });
    if (this.#steps.length > KEPT_STEPS) this.#steps.shift();
    this.#version = version;
    this.#shared.clear();
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

  /** Null when the steps kept do not reach back to the version: then a snapshot is due. Costs what the change is large. */
  differenceSince(viewer: string, version: number): Difference | null {
    const count = this.stepsSince(version);
    if (count === null) return null;
    const steps = this.#steps.slice(this.#steps.length - count);
    const end = steps.findIndex(({ ended }) => ended !== undefined);
    const isReplaced = end >= 0;
    const base = isReplaced ? (steps[end]?.ended as CompiledPolicy | null) : this.#policy;
    const before = new Map<string, NodeState | null>();
    const underBase = isReplaced ? steps.slice(0, end + 1) : steps;
    for (const { policy } of underBase) {
      for (const [id, was] of policy?.before ?? []) if (!before.has(id)) before.set(id, was);
    }
    const was = (id: string) => (before.has(id) ? before.get(id) : base?.state(id)) ?? null;
    const changed = new Set(steps.flatMap((step) => step.changed));
    const removed = steps.flatMap((step) => step.removed);
    const [viewerWas, viewerIs] = [was(viewer), this.#policy?.state(viewer) ?? null];
    const isOther = isReplaced || before.has(viewer);

    const find = () => {
      const peers: string[] = [];
      const gone: string[] = [];
      const candidates = isOther
        ? new Set([...this.#nodes.keys(), ...removed])
        : new Set([...changed, ...removed]);
      for (const id of candidates) {
        const peerWas = was(id);
        const peerIs = this.#policy?.state(id) ?? null;
        const saw = base === null || meet(base, viewerWas, peerWas);
        const sees = this.#policy === null ? this.#nodes.has(id) : meet(this.#policy, viewerIs, peerIs);
        if (!sees) {
          if (saw) gone.push(id);
        } else if (!saw || changed.has(id)) peers.push(id);
        else if (isOther && peerIs !== null && peerIs.parts.length > 0) {
          const carried =
            viewerWas === null || peerWas === null ? null : base?.carriedFor(viewerWas, peerWas);
          const carries = viewerIs === null ? null : this.#policy?.carriedFor(viewerIs, peerIs);
          if (JSON.stringify(carried ?? everythingOf(peerIs)) !== JSON.stringify(carries)) peers.push(id);
        }
      }
      return { peers, gone };
    };
    // Viewers of one class have the same to hear, themselves left out.
    const key = [
      version,
      viewerWas?.nodeClass.index,
      viewerWas?.owner,
      viewerIs?.nodeClass.index,
      viewerIs?.owner,
      isOther,
    ].join(' ');
    const shared = this.#shared.get(key) ?? find();
    this.#shared.set(key, shared);
    const others = (ids: string[]) => ids.filter((id) => id !== viewer);

    const isTouched = underBase.some(
      ({ policy }) => policy !== null && viewerWas !== null && base?.filterTouched(viewerWas, policy),
    );
    const isFilterOther = () =>
      JSON.stringify(base?.filterOf(viewer)) !== JSON.stringify(this.#policy?.filterOf(viewer));
    return {
      peers: others(shared.peers),
      gone: others(shared.gone),
      self: changed.has(viewer) || isTouched || (isReplaced && isFilterOther()),
    };
  }

  /** A document that cannot be read was checked by another release: it lets nothing pass rather than everything. */
  #compile(text: string): CompiledPolicy {
    const { document, problems } = parsePolicy(text);
    const [first] = problems;
    this.problem = first === undefined ? null : `${first.line}:${first.column}: ${first.message}`;
    const nodes = [...this.#nodes.values()].map(policyNode);
    return new CompiledPolicy(document ?? DENY_ALL, this.#network, nodes);
  }
}

/** What a viewer is told of a node while there is no policy. */
function everythingOf({ node: { routes, exitNode } }: NodeState) {
  return { routes, exitNode };
}

function meet(policy: CompiledPolicy, a: NodeState | null, b: NodeState | null): boolean {
  return a !== null && b !== null && policy.mayMeetIfOthers(a, b);
}
