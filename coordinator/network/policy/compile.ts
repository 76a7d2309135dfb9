import { formatPrefix, type Prefix, parsePrefix } from '../../../shared/prefix.ts';
import type { MeetingGroups } from '../meeting-groups.ts';
import { addBits, hasRule, rulesIn, shareBits } from './bits.ts';
import type { PolicyDocument, Rule, Service } from './document.ts';
import { internet } from './internet.ts';
import { Members } from './members.ts';
import {
  type NodeState,
  ownPrefixes,
  type Part,
  type PartDevice,
  type PolicyNetwork,
  type PolicyNode,
  sameNode,
} from './node-state.ts';
import { disjoint, intersection } from './prefix-set.ts';
import { RuleIndex } from './rule-index.ts';
import { RuleSources } from './rule-sources.ts';

/** One thing that may come in from the mesh. Texts are canonical CIDR; neither list has blocks within others. */
export interface FilterRuleView {
  /** The rule of the document; several of one filter may have the same. */
  readonly id: string;
  /** Overlay addresses, and networks behind subnet routers. */
  readonly sources: readonly string[];
  /** Own addresses, networks that this node carries, and the Internet's at an exit node. */
  readonly destinations: readonly string[];
  /** Any of them; empty for everything. */
  readonly services: readonly Service[];
}

/** What a change of nodes did to what was compiled. */
export interface PolicyStep {
  /** What was in place of each node that the policy now sees differently; null for nothing. */
  readonly before: ReadonlyMap<string, NodeState | null>;
  /** Lists of sources that are others now. */
  readonly sources: ReadonlySet<string>;
  /** Owners whose machines are others now. */
  readonly owners: ReadonlySet<string>;
}

/** More groups are more than a relay should be told of. */
const MAX_GROUPS = 512;

/** A policy that lets nothing pass. */
export const DENY_ALL: PolicyDocument = {
  rules: [],
  tests: [],
  autoApprovers: { routes: [], exitNode: [] },
  tagOwners: new Map(),
};

/**
 * A policy applied to a network: who may see whom, and what may come in where. Nodes that no rule tells apart are one class, so
 * work and memory grow with classes, rules and nodes, never with pairs of nodes; a change of a node costs what it changes.
 *
 * A node carries its own addresses, its granted routes and, as an exit, the Internet. A rule lets a packet in at a node
 * when the source is one of its sources and the destination is both one of its destinations and carried there. Two nodes see
 * each other when a rule lets anything pass between what they carry, in either direction, over the same family.
 */
export class CompiledPolicy {
  readonly document: PolicyDocument;
  readonly #index: RuleIndex;
  readonly #members: Members;
  readonly #sources: RuleSources;

  constructor(document: PolicyDocument, network: PolicyNetwork, nodes: Iterable<PolicyNode>) {
    const overlay = [network.prefix4, network.prefix6].map((text) => parsePrefix(text) as Prefix);
    this.document = document;
    this.#index = new RuleIndex(document.rules);
    this.#members = new Members(this.#index, internet(overlay));
    this.#sources = new RuleSources(document.rules, this.#members, overlay);
    for (const node of nodes) this.#members.put(node);
  }

  /** Takes in nodes that were added or changed and forgets those removed. */
  update(changed: Iterable<PolicyNode>, removed: Iterable<string>): PolicyStep {
    const before = new Map<string, NodeState | null>();
    const sources = new Set<string>();
    const owners = new Set<string>();
    const replace = (id: string, node: PolicyNode | null) => {
      const was = this.#members.states.get(id) ?? null;
      if (was === null ? node === null : node !== null && sameNode(was.node, node)) return;
      if (was !== null) this.#members.take(was);
      const now = node === null ? null : this.#members.put(node);
      before.set(id, was);
      for (const key of this.#sources.moved(was, now)) sources.add(key);
      for (const state of [was, now]) if (state !== null && state.owner !== '') owners.add(state.owner);
    };
    for (const node of changed) replace(node.id, node);
    for (const id of removed) replace(id, null);
    this.#sources.forget(sources, owners);
    return { before, sources, owners };
  }

  state(id: string): NodeState | undefined {
    return this.#members.states.get(id);
  }

  /** Whether two nodes may know of each other. */
  mayMeet(a: NodeState, b: NodeState): boolean {
    return a.node.id !== b.node.id && this.mayMeetIfOthers(a, b);
  }

  /** The same for all nodes like the one and the other: whether they are one and the same is not asked. */
  mayMeetIfOthers(a: NodeState, b: NodeState): boolean {
    if (this.classesMeet(a, b)) return true;
    if (isOneOwner(a, b) && (a.nodeClass.selfSource || b.nodeClass.selfSource)) return true;
    return this.#forwardsFor(a, b) || this.#forwardsFor(b, a);
  }

  /** The same without rules for own machines, and without gateways and their devices. */
  classesMeet(a: NodeState, b: NodeState): boolean {
    return this.#members.classesMeet(a.nodeClass, b.nodeClass);
  }

  /** Machines of a user, where a rule asks for own ones. */
  ownedBy(owner: string): Iterable<NodeState> {
    return this.#members.owners.get(owner) ?? [];
  }

  /** Gateways of a user's devices, where a rule asks for own machines. */
  gatewaysFor(owner: string): Iterable<NodeState> {
    return this.#members.gateways.get(owner) ?? [];
  }

  /** Ids of the nodes that one may know of. */
  *peersOf(id: string): Generator<string> {
    const state = this.#members.states.get(id);
    if (state === undefined) return;
    for (const other of this.#members.classes) {
      if (!this.#members.classesMeet(state.nodeClass, other)) continue;
      for (const peer of other.states) if (peer !== state) yield peer.node.id;
    }
    const apart = new Set([
      ...this.ownedBy(state.owner),
      ...this.gatewaysFor(state.owner),
      ...carriedDevices(state).flatMap((device) => this.#withOwnMachines(device)),
    ]);
    for (const peer of apart) {
      if (this.#members.classesMeet(state.nodeClass, peer.nodeClass)) continue;
      if (this.mayMeet(state, peer)) yield peer.node.id;
    }
  }

  /** A device, and the machines of its user and gateways of those, as far as they are there. */
  #withOwnMachines({ id, owner }: PartDevice): NodeState[] {
    const state = this.#members.states.get(id);
    return [...(state === undefined ? [] : [state]), ...this.ownedBy(owner), ...this.gatewaysFor(owner)];
  }

  /** Whether one is the gateway of the other, or of a device that the other, or a device of that, reaches as its own user's. */
  #forwardsFor(gateway: NodeState, other: NodeState): boolean {
    const carried = carriedDevices(gateway);
    if (carried.length === 0) return false;
    const others = carriedDevices(other);
    return carried.some((device) => {
      if (device.id === other.node.id) return true;
      if (device.owner === '') return false;
      if (device.owner === other.owner && (other.nodeClass.selfSource || this.#isSelf(device))) return true;
      return others.some(
        (each) => each.owner === device.owner && (this.#isSelf(each) || this.#isSelf(device)),
      );
    });
  }

  readonly #isSelf = ({ identity }: PartDevice) => shareBits(identity.src, this.#index.self);

  /** Of what a peer carries, that which the viewer may reach or be reached from. */
  carriedFor(viewer: NodeState, peer: NodeState): { routes: string[]; exitNode: boolean } {
    const { src, dst } = viewer.nodeClass;
    const seen = peer.parts.filter((part) => shareBits(src, part.dst) || shareBits(dst, part.src));
    return {
      routes: seen.flatMap(({ route }) => route ?? []),
      exitNode: seen.some(({ route, device }) => route === null && device === null),
    };
  }

  /** What may come in at a node, in the order of the document. */
  filterOf(id: string): FilterRuleView[] {
    const state = this.#members.states.get(id);
    if (state === undefined) return [];
    const bits = state.nodeClass.dst.slice();
    const guarded = state.guarded.filter(({ device }) => this.#isMet(state, device));
    for (const { dst } of guarded) addBits(bits, dst);
    const parts = [...state.parts, ...guarded];
    const devices = devicesIn(parts).filter(({ owner }) => owner !== '');
    if (state.owner !== '' || devices.length > 0) addBits(bits, this.#index.self);
    return rulesIn(bits).flatMap((rule) => {
      const { id, services } = this.document.rules[rule] as Rule;
      const own = state.owner !== '' && hasRule(this.#index.self, rule);
      return [
        {
          id,
          sources: this.#sources.of(rule),
          destinations: this.#destinationsAt(state, parts, rule),
          services,
        },
        {
          id,
          sources: own ? this.#sources.ownOf(rule, state.owner) : [],
          destinations: state.own,
          services,
        },
        ...(hasRule(this.#index.self, rule) ? devices : []).map((device) => ({
          id,
          sources: this.#sources.ownOf(rule, device.owner),
          destinations: device.own,
          services,
        })),
      ].filter(({ sources, destinations }) => sources.length > 0 && destinations.length > 0);
    });
  }

  /** Whether a step may have changed the filter of a node that it did not change itself. */
  filterTouched(state: NodeState, step: Pick<PolicyStep, 'sources' | 'owners'>): boolean {
    if (state.owner !== '' && step.owners.has(state.owner)) return true;
    const devices = devicesIn([...state.parts, ...state.guarded]);
    if (devices.some(({ owner }) => owner !== '' && step.owners.has(owner))) return true;
    if (step.sources.size === 0) return false;
    const sets = [state.nodeClass, ...state.guarded].map(({ dst }) => rulesIn(dst));
    return sets.some((rules) => rules.some((rule) => step.sources.has(this.#sources.key(rule))));
  }

  /**
   * A number from 1 for each node, equal for those that may meet the same others, and the pairs of numbers that may meet. For
   * whoever has to tell by itself, a relay say. Where users' own machines would make too many, users are not told apart.
   */
  groups(): MeetingGroups {
    const samples = new Map<string, NodeState>();
    const sortedBy = (key: (state: NodeState) => string) => {
      samples.clear();
      for (const state of this.#members.states.values()) {
        if (!samples.has(key(state))) samples.set(key(state), state);
      }
      return key;
    };
    const byClass = (state: NodeState) => `${state.nodeClass.index} ${hasUser(state) ? '*' : ''}`;
    let keyOf = sortedBy((state) => `${state.nodeClass.index} ${JSON.stringify(usersOf(state))}`);
    if (samples.size > MAX_GROUPS) keyOf = sortedBy(byClass);
    const numbers = new Map<string, number>();
    // In the order of the classes, which stays when nodes come and go.
    const sorted = [...samples].sort(([, a], [, b]) => a.nodeClass.index - b.nodeClass.index);
    for (const [key] of sorted) numbers.set(key, numbers.size + 1);
    const isSelf = (one: NodeState, other: NodeState) =>
      keyOf === byClass &&
      hasUser(one) &&
      hasUser(other) &&
      [one, other].some((state) => state.nodeClass.selfSource || carriedDevices(state).some(this.#isSelf));
    const meetings = sorted.flatMap(([, other], b) =>
      sorted
        .slice(0, b + 1)
        .flatMap(([, one], a): [number, number][] =>
          this.mayMeetIfOthers(one, other) || isSelf(one, other) ? [[a + 1, b + 1]] : [],
        ),
    );
    const groupOf = (id: string) => {
      const state = this.#members.states.get(id);
      return state === undefined ? 0 : (numbers.get(keyOf(state)) ?? 0);
    };
    return { groupOf, meetings };
  }

  #isMet(state: NodeState, device: PartDevice | null): boolean {
    const other = device === null ? undefined : this.#members.states.get(device.id);
    return other !== undefined && this.mayMeet(state, other);
  }

  /** `parts`: what it carries, and what it guards. */
  #destinationsAt(state: NodeState, parts: readonly Part[], rule: number): readonly string[] {
    const { destinations } = this.document.rules[rule] as Rule;
    const named = hasRule(state.identity.dst, rule);
    if (named && parts.length === 0) return state.own;
    const networks = destinations.flatMap((selector) =>
      selector.kind === 'prefix' ? [selector.prefix] : [],
    );
    const isAny = destinations.some(({ kind }) => kind === 'any');
    const isInternet = destinations.some(({ kind }) => kind === 'internet');
    const reached = named ? ownPrefixes(state) : shared(ownPrefixes(state), networks);
    for (const { prefixes, route, device } of parts) {
      const isNamed = device === null ? isInternet && route === null : hasRule(device.identity.dst, rule);
      const whole = isAny || isNamed;
      reached.push(...(whole ? prefixes : shared(prefixes, networks)));
    }
    return disjoint(reached).map(formatPrefix);
  }
}

function isOneOwner(a: NodeState, b: NodeState): boolean {
  return a.owner !== '' && a.owner === b.owner;
}

/** Its own, and those of its devices: what tells nodes of one class apart. */
function usersOf(state: NodeState): string[] {
  const carried = new Set(carriedDevices(state).map(({ owner }) => owner));
  return [state.owner, ...[...carried].filter((owner) => owner !== '').sort()];
}

function hasUser(state: NodeState): boolean {
  return usersOf(state).some((owner) => owner !== '');
}

function carriedDevices({ parts }: NodeState): PartDevice[] {
  return devicesIn(parts);
}

function devicesIn(parts: readonly Part[]): PartDevice[] {
  return parts.flatMap(({ device }) => device ?? []);
}

function shared(prefixes: readonly Prefix[], networks: readonly Prefix[]): Prefix[] {
  return prefixes.flatMap((prefix) => networks.flatMap((network) => intersection(prefix, network) ?? []));
}
