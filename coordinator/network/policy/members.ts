import { type Prefix, parsePrefix } from '../../../shared/prefix.ts';
import { addBits, isEmpty, shareBits } from './bits.ts';
import {
  addressesOf,
  type CarriedDevice,
  type Identity,
  type NodeClass,
  type NodeState,
  ownDestinations,
  type Part,
  type PolicyNode,
} from './node-state.ts';
import type { Identified, RuleIndex, Sides } from './rule-index.ts';

/** All nodes under one policy, sorted into what its rules can tell apart. */
export class Members {
  readonly states = new Map<string, NodeState>();
  readonly identities = new Map<string, Identity>();
  readonly classes: NodeClass[] = [];
  /** Machines of users, where a rule asks for own ones. */
  readonly owners = new Map<string, Set<NodeState>>();
  /** Gateways of users' devices, where a rule asks for own machines. */
  readonly gateways = new Map<string, Set<NodeState>>();
  /** How many nodes carry each granted route. */
  readonly routes = new Map<string, number>();
  readonly #index: RuleIndex;
  readonly #internet: readonly Prefix[];
  readonly #hasSelf: boolean;
  readonly #classOf = new Map<Identity | string, NodeClass>();
  /** By the indexes of two classes, the larger first: 0 not known yet, 1 no, 2 yes. */
  readonly #pairs: Uint8Array[] = [];

  constructor(index: RuleIndex, internet: readonly Prefix[]) {
    this.#index = index;
    this.#internet = internet;
    this.#hasSelf = !isEmpty(index.self);
  }

  put(node: PolicyNode): NodeState {
    const addresses = addressesOf(node);
    const identity = this.#identity(node);
    const parts = this.#partsOf(node);
    const more = [...addresses.flatMap((address) => this.#index.address(address) ?? []), ...parts];
    const owner = this.#ownerOf(node);
    const state = {
      node,
      addresses,
      identity,
      nodeClass: this.#class(identity, more),
      owner,
      parts,
      guarded: (node.guarded ?? []).map((device) => this.#devicePart(device)),
      own: ownDestinations(node),
    };
    this.states.set(node.id, state);
    identity.states.add(state);
    state.nodeClass.states.add(state);
    if (owner !== '') putInto(this.owners, owner, state);
    for (const of of ownersOfDevices(state)) putInto(this.gateways, of, state);
    for (const route of node.routes) this.routes.set(route, (this.routes.get(route) ?? 0) + 1);
    return state;
  }

  take(state: NodeState): void {
    this.states.delete(state.node.id);
    state.identity.states.delete(state);
    state.nodeClass.states.delete(state);
    takeFrom(this.owners, state.owner, state);
    for (const of of ownersOfDevices(state)) takeFrom(this.gateways, of, state);
    for (const route of state.node.routes) {
      const left = (this.routes.get(route) ?? 0) - 1;
      if (left > 0) this.routes.set(route, left);
      else this.routes.delete(route);
    }
  }

  /** Whether a rule lets anything pass between nodes of two classes, in either direction. */
  classesMeet(a: NodeClass, b: NodeClass): boolean {
    const [high, low] = a.index >= b.index ? [a, b] : [b, a];
    const row = this.#pairs[high.index] as Uint8Array;
    let known = row[low.index] as number;
    if (known === 0) {
      known = shareBits(a.src, b.dst) || shareBits(b.src, a.dst) ? 2 : 1;
      row[low.index] = known;
    }
    return known === 2;
  }

  #identity(node: PolicyNode): Identity {
    const key = this.#index.identityKey(node);
    let identity = this.identities.get(key);
    if (identity === undefined) {
      identity = { ...this.#index.identity(node), states: new Set() };
      this.identities.set(key, identity);
    }
    return identity;
  }

  #partsOf(node: PolicyNode): Part[] {
    const parts: Part[] = node.routes.flatMap((route) => {
      const prefix = parsePrefix(route);
      return prefix === null
        ? []
        : [{ ...this.#index.route(prefix), prefixes: [prefix], route, device: null }];
    });
    for (const device of node.devices ?? []) parts.push(this.#devicePart(device));
    if (!node.exitNode) return parts;
    const exit = this.#index.exit(this.#internet);
    return [...parts, { ...exit, prefixes: this.#internet, route: null, device: null }];
  }

  /** Who may talk to a device has to know of its gateway. */
  #devicePart(device: CarriedDevice): Part {
    const identity = this.#index.identity(device);
    const sides = { src: identity.src.slice(), dst: identity.dst.slice() };
    const addresses = addressesOf(device);
    for (const address of addresses) {
      const more = this.#index.address(address);
      if (more === null) continue;
      addBits(sides.src, more.src);
      addBits(sides.dst, more.dst);
    }
    return {
      ...sides,
      prefixes: addresses.map((bytes) => ({ bytes, length: bytes.length * 8 })),
      route: null,
      device: { id: device.id, identity, owner: this.#ownerOf(device), own: ownDestinations(device) },
    };
  }

  #ownerOf({ tags, owner }: Identified): string {
    return this.#hasSelf && tags.length === 0 ? owner : '';
  }

  /** Most nodes are told apart by identity alone, and their class is found by it. */
  #class(identity: Identity, more: readonly Sides[]): NodeClass {
    let sides: Sides = identity;
    let key: Identity | string = identity;
    // By what it is, not by address or by what it carries: the sources of such rules are users.
    const selfSource = shareBits(identity.src, this.#index.self);
    if (more.length > 0) {
      sides = { src: identity.src.slice(), dst: identity.dst.slice() };
      for (const { src, dst } of more) {
        addBits(sides.src, src);
        addBits(sides.dst, dst);
      }
      key = `${sides.src.join()} ${sides.dst.join()} ${selfSource}`;
    }
    let nodeClass = this.#classOf.get(key);
    if (nodeClass === undefined) {
      const index = this.classes.length;
      nodeClass = { index, src: sides.src, dst: sides.dst, selfSource, states: new Set() };
      this.#classOf.set(key, nodeClass);
      this.classes.push(nodeClass);
      this.#pairs.push(new Uint8Array(index + 1));
    }
    return nodeClass;
  }
}

function ownersOfDevices({ parts }: NodeState): string[] {
  return parts.flatMap(({ device }) => (device === null || device.owner === '' ? [] : [device.owner]));
}

function putInto(map: Map<string, Set<NodeState>>, key: string, state: NodeState): void {
  const states = map.get(key);
  if (states === undefined) map.set(key, new Set([state]));
  else states.add(state);
}

function takeFrom(map: Map<string, Set<NodeState>>, key: string, state: NodeState): void {
  const states = map.get(key);
  states?.delete(state);
  if (states?.size === 0) map.delete(key);
}
