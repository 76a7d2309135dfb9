import type { CompiledPolicy, FilterRuleView, PolicyStep } from './compile.ts';
import type { NodeState } from './node-state.ts';

/** What brought the network from one version to the next. */
export interface Step {
  readonly from: number;
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** What the nodes' changes did to the policy then in force; null without one. */
  readonly policy: PolicyStep | null;
  /** The policy that ended with this step, as it was after the nodes' changes; undefined if none did. */
  readonly ended: CompiledPolicy | null | undefined;
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

/** A node before and after. */
interface Passage {
  readonly was: NodeState | null;
  readonly is: NodeState | null;
}

type Verdict = 'peer' | 'gone' | null;

/**
 * The steps between a version and now, as each viewer has to be told of them. Viewers of one class have the same to hear, but
 * for own machines, so that a change costs what it is large and not what the network is. Good until the next step.
 */
export class Span {
  readonly #steps: readonly Step[];
  /** The policy at the beginning: the one in force, or the first that ended. */
  readonly #base: CompiledPolicy | null;
  readonly #policy: CompiledPolicy;
  readonly #isReplaced: boolean;
  /** States at the beginning of what is another now. */
  readonly #before = new Map<string, NodeState | null>();
  readonly #changed: ReadonlySet<string>;
  readonly #changedOrRemoved: readonly string[];
  readonly #members: ReadonlyMap<string, unknown>;
  readonly #byClass = new Map<string, { peers: string[]; gone: string[] }>();
  readonly #sameLists = new WeakMap<readonly unknown[], WeakMap<readonly unknown[], boolean>>();
  #alike: Map<string, string[]> | null = null;

  /** `members` are the nodes that there are now, by id. */
  constructor(steps: readonly Step[], policy: CompiledPolicy, members: ReadonlyMap<string, unknown>) {
    const end = steps.findIndex(({ ended }) => ended !== undefined);
    this.#isReplaced = end >= 0;
    this.#steps = this.#isReplaced ? steps.slice(0, end + 1) : steps;
    this.#base = this.#isReplaced ? (steps[end]?.ended ?? null) : policy;
    this.#policy = policy;
    this.#members = members;
    for (const step of this.#steps) {
      for (const [id, was] of step.policy?.before ?? []) if (!this.#before.has(id)) this.#before.set(id, was);
    }
    this.#changed = new Set(steps.flatMap(({ changed }) => changed));
    this.#changedOrRemoved = [...new Set([...this.#changed, ...steps.flatMap(({ removed }) => removed)])];
  }

  differenceFor(viewerId: string): Difference {
    const viewer = this.#passage(viewerId);
    const isOther = this.#isReplaced || this.#before.has(viewerId);
    const key = `${viewer.was?.nodeClass.index} ${viewer.is?.nodeClass.index} ${isOther}`;
    let news = this.#byClass.get(key);
    if (news === undefined) {
      news = this.#newsFor(viewer, isOther);
      this.#byClass.set(key, news);
    }
    const apart = new Set([viewerId, ...this.#seenApart(viewer, isOther)]);
    const peers = news.peers.filter((id) => !apart.has(id));
    const gone = news.gone.filter((id) => !apart.has(id));
    for (const id of apart) {
      const verdict = id === viewerId ? null : this.#verdict(viewer, id, isOther, true);
      if (verdict === 'peer') peers.push(id);
      else if (verdict === 'gone') gone.push(id);
    }
    return { peers, gone, self: this.#isSelfOther(viewerId, viewer.was) };
  }

  /** As if nothing were anybody's own. */
  #newsFor(viewer: Passage, isOther: boolean): { peers: string[]; gone: string[] } {
    const peers: string[] = [];
    const gone: string[] = [];
    for (const ids of isOther ? this.#everybody() : this.#changedOrRemoved.map((id) => [id])) {
      const verdict = this.#verdict(viewer, ids[0] as string, isOther, false);
      if (verdict === null) continue;
      const told = verdict === 'peer' ? peers : gone;
      for (const id of ids) told.push(id);
    }
    return { peers, gone };
  }

  /** All there are and were, together those of whom there is the same to tell: of one class before and now, and not changed. */
  #everybody(): Iterable<readonly string[]> {
    if (this.#alike !== null) return this.#alike.values();
    this.#alike = new Map();
    for (const id of new Set([...this.#members.keys(), ...this.#changedOrRemoved])) {
      const { was, is } = this.#passage(id);
      const isAlone = was === null || is === null || is.parts.length > 0 || this.#changed.has(id);
      const key = isAlone ? id : `${was.nodeClass.index} ${is.nodeClass.index}`;
      const alike = this.#alike.get(key);
      if (alike === undefined) this.#alike.set(key, [id]);
      else alike.push(id);
    }
    return this.#alike.values();
  }

  #verdict(viewer: Passage, id: string, isOther: boolean, isOwn: boolean): Verdict {
    const { was, is } = this.#passage(id);
    const saw = this.#base === null || meet(this.#base, viewer.was, was, isOwn);
    if (!meet(this.#policy, viewer.is, is, isOwn)) return saw ? 'gone' : null;
    if (!saw || this.#changed.has(id)) return 'peer';
    // Seen before and after, but perhaps with other routes.
    return isOther && is !== null && is.parts.length > 0 && !this.#carriesTheSame(viewer, { was, is })
      ? 'peer'
      : null;
  }

  #carriesTheSame(viewer: Passage, peer: Passage): boolean {
    const before =
      this.#base === null || viewer.was === null || peer.was === null
        ? peer.is?.node
        : this.#base.carriedFor(viewer.was, peer.was);
    const now =
      viewer.is === null || peer.is === null ? undefined : this.#policy.carriedFor(viewer.is, peer.is);
    return String(before?.routes) === String(now?.routes) && before?.exitNode === now?.exitNode;
  }

  /**
   * Those of whom there may be something to tell beside what classes say, before and after: machines of the viewer's user and gateways
   * of them; of a gateway its devices, and machines of their users.
   */
  #seenApart({ was, is }: Passage, isOther: boolean): string[] {
    const states = [was, is].flatMap((state) => state ?? []);
    const devices = states.flatMap(({ parts }) => parts.flatMap(({ device }) => device ?? []));
    const owners = new Set([...states, ...devices].map(({ owner }) => owner).filter((owner) => owner !== ''));
    const carried = devices.map(({ id }) => id);
    if (owners.size === 0) return isOther ? carried : carried.filter((id) => this.#changed.has(id));
    const isOwn = (state: NodeState | null) =>
      state !== null &&
      (owners.has(state.owner) ||
        state.parts.some(({ device }) => device !== null && owners.has(device.owner)));
    if (!isOther) {
      return this.#changedOrRemoved.filter((id) => {
        const peer = this.#passage(id);
        return isOwn(peer.was) || isOwn(peer.is) || carried.includes(id);
      });
    }
    const own = [this.#base, this.#policy].flatMap((policy) =>
      [...owners].flatMap((owner) =>
        policy === null ? [] : [...policy.ownedBy(owner), ...policy.gatewaysFor(owner)],
      ),
    );
    const before = [...this.#before.values()].filter(isOwn);
    return [...carried, ...[...own, ...before].flatMap((state) => state?.node.id ?? [])];
  }

  #isSelfOther(viewerId: string, was: NodeState | null): boolean {
    if (this.#changed.has(viewerId)) return true;
    if (this.#base !== null && was !== null) {
      const isTouched = ({ policy }: Step) => policy !== null && this.#base?.filterTouched(was, policy);
      if (this.#steps.some(isTouched)) return true;
    }
    if (!this.#isReplaced) return false;
    return (
      this.#base === null || !this.#sameFilter(this.#base.filterOf(viewerId), this.#policy.filterOf(viewerId))
    );
  }

  #sameFilter(a: readonly FilterRuleView[], b: readonly FilterRuleView[]): boolean {
    return (
      a.length === b.length &&
      a.every((rule, index) => {
        const other = b[index] as FilterRuleView;
        return (
          rule.id === other.id &&
          sameTexts(rule.destinations, other.destinations) &&
          this.#same(rule.services, other.services) &&
          this.#same(rule.sources, other.sources)
        );
      })
    );
  }

  /** Of lists that many filters have: looked at once. */
  #same(a: readonly unknown[], b: readonly unknown[]): boolean {
    const known = this.#sameLists.get(a) ?? new WeakMap<readonly unknown[], boolean>();
    this.#sameLists.set(a, known);
    const same = known.get(b) ?? JSON.stringify(a) === JSON.stringify(b);
    known.set(b, same);
    return same;
  }

  #passage(id: string): Passage {
    const is = this.#policy.state(id) ?? null;
    if (this.#before.has(id)) return { was: this.#before.get(id) ?? null, is };
    return { was: this.#isReplaced ? (this.#base?.state(id) ?? null) : is, is };
  }
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}

function meet(policy: CompiledPolicy, a: NodeState | null, b: NodeState | null, isOwn: boolean): boolean {
  if (a === null || b === null) return false;
  return isOwn ? policy.mayMeetIfOthers(a, b) : policy.classesMeet(a, b);
}
