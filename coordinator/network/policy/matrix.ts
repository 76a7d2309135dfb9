import { type Prefix, parsePrefix } from '../../../shared/prefix.ts';
import type { Role } from '../roles.ts';
import { rulesIn } from './bits.ts';
import { CompiledPolicy } from './compile.ts';
import type { PolicyDocument, Rule } from './document.ts';
import type { Flow, NamedNode } from './explain.ts';
import { internet } from './internet.ts';
import type { NodeState, PolicyNetwork } from './node-state.ts';
import { ownPrefixes } from './node-state.ts';
import { ruleJoins } from './party.ts';
import { servicesInclude } from './services.ts';

/** Machines that no rule tells apart. */
export interface MatrixGroup {
  /** The first of them, by name. */
  readonly machines: readonly { readonly id: string; readonly name: string }[];
  /** How many there are. */
  readonly count: number;
  readonly tags: readonly string[];
  /** Empty for none. */
  readonly owner: string;
  /** Of the owners' accounts, which may be several; empty for none. */
  readonly role: Role | '';
}

export interface Matrix {
  readonly groups: readonly MatrixGroup[];
  /** Row by row: the rule by which a machine of one group opens flows to another machine of the other; null where none does. */
  readonly cells: readonly (readonly ({ readonly id: string; readonly line: number } | null)[])[];
  /** Groups that were left out because there are more than asked for. */
  readonly omitted: number;
}

/** Names told of a group. */
const MAX_NAMES = 20;

/**
 * Who may open flows of a kind to whom, by their own addresses; networks behind machines are not looked at. With a flow of null
 * any will do. Without a policy all reach all, and are one group. Costs as much as there are groups, at most `maxGroups`, which
 * are the largest.
 */
export function policyMatrix(
  document: PolicyDocument | null,
  network: PolicyNetwork,
  nodes: readonly NamedNode[],
  flow: Flow | null,
  maxGroups: number,
): Matrix {
  const names = new Map(nodes.map(({ id, name }) => [id, name]));
  const named = (states: readonly { id: string }[]) =>
    states
      .map(({ id }) => ({ id, name: names.get(id) as string }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .slice(0, MAX_NAMES);
  if (document === null) {
    const groups =
      nodes.length === 0
        ? []
        : [{ machines: named(nodes), count: nodes.length, tags: [], owner: '', role: '' as const }];
    return { groups, cells: groups.map(() => [{ id: 'no policy', line: 0 }]), omitted: 0 };
  }
  const policy = new CompiledPolicy(document, network, nodes);
  const grouped = Map.groupBy(
    nodes.flatMap(({ id }) => policy.state(id) ?? []),
    // What a machine carries counts in its class too, so such machines stand alone.
    ({ nodeClass, owner, parts, node }) => (parts.length > 0 ? node.id : `${nodeClass.index} ${owner}`),
  );
  const all = [...grouped.values()].sort((a, b) => b.length - a.length);
  const shown = all.slice(0, maxGroups);
  const groups = shown.map((states) => {
    const first = (states[0] as NodeState).node;
    const alike = (of: (node: NamedNode) => string) =>
      states.every(({ node }) => of(node as NamedNode) === of(first as NamedNode));
    return {
      machines: named(states.map(({ node }) => node)),
      count: states.length,
      tags: alike(({ tags }) => String(tags)) ? [...first.tags] : [],
      owner: alike(({ owner }) => owner) ? first.owner : '',
      role:
        first.tags.length === 0 && alike(({ ownerRole }) => ownerRole ?? '') ? (first.ownerRole ?? '') : '',
    };
  });
  const outside = internet([network.prefix4, network.prefix6].map((text) => parsePrefix(text) as Prefix));
  const own = document.rules.flatMap((rule, index) =>
    rule.destinations.some(({ kind }) => kind === 'self') ? [index] : [],
  );
  const cells = shown.map((from) =>
    shown.map((to) => {
      const source = from[0] as NodeState;
      // Within a group it is two of its machines that are asked about, where there are two.
      const destination = (from === to ? (to[1] ?? to[0]) : to[0]) as NodeState;
      const both = source.nodeClass.src.map((word, i) => word & (destination.nodeClass.dst[i] as number));
      const rule = [...new Set([...rulesIn(both), ...own])]
        .sort((a, b) => a - b)
        .map((index) => document.rules[index] as Rule)
        .find((candidate) => isGranted(candidate, flow) && joins(candidate, source, destination, outside));
      return rule === undefined ? null : { id: rule.id, line: rule.line };
    }),
  );
  return { groups, cells, omitted: all.length - shown.length };
}

function isGranted({ services }: Rule, flow: Flow | null): boolean {
  return flow === null || flow.protocols.some((protocol) => servicesInclude(services, protocol, flow.port));
}

function joins(rule: Rule, source: NodeState, destination: NodeState, outside: readonly Prefix[]): boolean {
  const party = (state: NodeState) => ({ prefixes: ownPrefixes(state), machine: state.node });
  return ruleJoins(rule, party(source), party(destination), outside);
}
