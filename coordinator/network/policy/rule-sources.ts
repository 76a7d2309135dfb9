import { formatPrefix, type Prefix, parsePrefix } from '../../../shared/prefix.ts';
import { hasRule } from './bits.ts';
import type { Rule } from './document.ts';
import type { Members } from './members.ts';
import type { NodeState } from './node-state.ts';
import { coverOf, disjoint, intersection } from './prefix-set.ts';

/** Where packets that rules let pass may come from, as lists of CIDRs that filters share. */
export class RuleSources {
  readonly #rules: readonly Rule[];
  readonly #members: Members;
  readonly #overlay: readonly Prefix[];
  /** By rule: what its sources are called, so that rules of the same share a list. */
  readonly #keys: readonly string[];
  readonly #isAny: readonly boolean[];
  readonly #lists = new Map<string, readonly string[]>();
  /** By owner, then as above. */
  readonly #ownLists = new Map<string, Map<string, readonly string[]>>();

  constructor(rules: readonly Rule[], members: Members, overlay: readonly Prefix[]) {
    this.#rules = rules;
    this.#members = members;
    this.#overlay = overlay;
    this.#keys = rules.map(({ sources }) => [...new Set(sources.map(({ text }) => text))].sort().join(' '));
    this.#isAny = rules.map(({ sources }) => sources.some(({ kind }) => kind === 'any'));
  }

  key(rule: number): string {
    return this.#keys[rule] as string;
  }

  of(rule: number): readonly string[] {
    const key = this.key(rule);
    let list = this.#lists.get(key);
    if (list === undefined) {
      list = this.#find(rule);
      this.#lists.set(key, list);
    }
    return list;
  }

  /** Machines of one user, of those that are sources of the rule. */
  ownOf(rule: number, owner: string): readonly string[] {
    const lists = this.#ownLists.get(owner) ?? new Map<string, readonly string[]>();
    this.#ownLists.set(owner, lists);
    let list = lists.get(this.key(rule));
    if (list === undefined) {
      const own = [...(this.#members.owners.get(owner) ?? [])];
      const sources = own.filter(({ identity }) => hasRule(identity.src, rule));
      list = coverOf(sources.flatMap(({ addresses }) => addresses)).map(formatPrefix);
      lists.set(this.key(rule), list);
    }
    return list;
  }

  /** Keys of lists that are others once `now` stands in the place of `was`; null for no node. */
  moved(was: NodeState | null, now: NodeState | null): string[] {
    const routesOf = (state: NodeState | null) => String(state?.node.routes ?? []);
    const routesMoved = routesOf(was) !== routesOf(now);
    const appears = was === null || now === null;
    const named = (state: NodeState | null, rule: number) =>
      state !== null && hasRule(state.identity.src, rule);
    return this.#keys.filter((_, rule) => {
      if (this.#isAny[rule]) return routesMoved;
      return appears ? named(was ?? now, rule) : named(was, rule) !== named(now, rule);
    });
  }

  forget(keys: Iterable<string>, owners: Iterable<string>): void {
    for (const key of keys) this.#lists.delete(key);
    for (const owner of owners) this.#ownLists.delete(owner);
  }

  #find(rule: number): string[] {
    const isAny = this.#isAny[rule] as boolean;
    const { sources } = this.#rules[rule] as Rule;
    const networks = sources.flatMap((selector) => (selector.kind === 'prefix' ? [selector.prefix] : []));
    if (isAny) {
      networks.push(...this.#overlay);
      for (const route of this.#members.routes.keys()) networks.push(parsePrefix(route) as Prefix);
    }
    const apart = disjoint(networks);
    const members: NodeState[] = [];
    // What `*` means is there already.
    for (const identity of isAny ? [] : this.#members.identities.values()) {
      if (hasRule(identity.src, rule)) for (const state of identity.states) members.push(state);
    }
    const cover = coverOf(members.flatMap(({ addresses }) => addresses));
    return disjoint([...apart, ...cover.filter((block) => !apart.some((wide) => holds(wide, block)))]).map(
      formatPrefix,
    );
  }
}

function holds(wide: Prefix, block: Prefix): boolean {
  return wide.length <= block.length && intersection(wide, block) !== null;
}
