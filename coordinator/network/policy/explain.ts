import { formatIp } from '../../../shared/ip.ts';
import { type Prefix, parsePrefix, prefixContains } from '../../../shared/prefix.ts';
import { PROTOCOL_NAMES } from '../../../shared/protocol-names.ts';
import type { PolicyDocument, Rule, Service } from './document.ts';
import { internet } from './internet.ts';
import type { PolicyNetwork, PolicyNode } from './node-state.ts';
import { destinationFamilies, type Party, ruleJoins, sourceFamilies } from './party.ts';
import { hasPorts, parseProtocol, servicesInclude } from './services.ts';

/** A node with its name, for people. */
export interface NamedNode extends PolicyNode {
  readonly name: string;
}

/** What is asked for: `tcp/22`, `icmp`, `47`. */
export interface Flow {
  /** Any of them will do. */
  readonly protocols: readonly number[];
  /** 0 for protocols without ports. */
  readonly port: number;
}

export interface Explanation {
  readonly allowed: boolean;
  /** The first rule that grants it; null when none does or there is no policy. */
  readonly rule: { readonly id: string; readonly line: number } | null;
  /** The node at which the packets come in; null when the destination is an address that none carries. */
  readonly at: string | null;
  /** Sentences. */
  readonly why: readonly string[];
}

/** How many rules that nearly fit are told. */
const MAX_NEAR = 5;

/** Reads `tcp/22`, `udp/53`, `icmp` or a number; null for anything else. */
export function parseFlow(text: string): Flow | null {
  const [proto = '', port, more] = text.split('/');
  const protocols = parseProtocol(proto);
  if (protocols === undefined || protocols === null || more !== undefined) return null;
  if (!protocols.every(hasPorts)) return port === undefined ? { protocols, port: 0 } : null;
  if (port === undefined || !/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65535) return null;
  return { protocols, port: Number(port) };
}

/**
 * Which rule lets one reach another, or why none does. Source and destination are names or ids of nodes, or addresses; null
 * when either is neither. The policy is null where there is none.
 */
export function explain(
  document: PolicyDocument | null,
  network: PolicyNetwork,
  nodes: readonly NamedNode[],
  [from, to]: readonly [string, string],
  flow: Flow,
): Explanation | null {
  const overlay = [network.prefix4, network.prefix6].map((text) => parsePrefix(text) as Prefix);
  const outside = internet(overlay);
  const source = partyOf(from, nodes);
  const destination = partyOf(to, nodes);
  if (source === null || destination === null) return null;
  const carrier = destination.node ?? carrierOf(destination.party, nodes, outside);
  const at = carrier?.name ?? null;
  if (carrier === undefined) {
    return { allowed: false, rule: null, at, why: [`no node carries ${to}`] };
  }
  const via = destination.node === undefined ? [`packets to ${to} come in at ${carrier.name}`] : [];
  if (document === null) {
    return {
      allowed: true,
      rule: null,
      at,
      why: ['the network has no policy: everything is allowed', ...via],
    };
  }
  const isGranted = (rule: Rule) =>
    flow.protocols.some((protocol) => servicesInclude(rule.services, protocol, flow.port));
  const joins = (rule: Rule) => ruleJoins(rule, source.party, destination.party, outside);
  const rule = document.rules.find((candidate) => isGranted(candidate) && joins(candidate));
  if (rule !== undefined) {
    return {
      allowed: true,
      rule: { id: rule.id, line: rule.line },
      at,
      why: [
        `${rule.id} in line ${rule.line} grants it: ${described(rule)}`,
        ...(asksAccounts(rule.sources) ? standing(source.node) : []),
        ...(asksAccounts(rule.destinations) ? standing(destination.node) : []),
        ...via,
      ],
    };
  }
  const near = document.rules.flatMap((candidate) => {
    const isSource = sourceFamilies(candidate, source.party, 'whole') !== 0;
    const isDestination =
      destinationFamilies(candidate, source.party, destination.party, outside, 'whole') !== 0;
    const name = `${candidate.id} in line ${candidate.line}`;
    if (isSource && isDestination) {
      return joins(candidate)
        ? [`${name} has both, but grants ${servicesText(candidate.services)} only`]
        : [`${name} has both, but ${from} over one family of addresses and ${to} over the other`];
    }
    if (isSource && isGranted(candidate))
      return [`${name} has ${from} as a source, but not ${to} as a destination: ${described(candidate)}`];
    if (isDestination && isGranted(candidate))
      return [`${name} has ${to} as a destination, but not ${from} as a source: ${described(candidate)}`];
    return [];
  });
  const nothing = [`no rule has ${from} as a source or ${to} as a destination`];
  return {
    allowed: false,
    rule: null,
    at,
    why: [
      'no rule grants it',
      ...(near.length === 0 ? nothing : near.slice(0, MAX_NEAR)),
      ...standing(source.node),
      ...(destination.node === source.node ? [] : standing(destination.node)),
      ...via,
    ],
  };
}

/** Whether the text of a rule does not tell by itself whom it names. */
function asksAccounts(selectors: Rule['sources']): boolean {
  return selectors.some(({ kind }) => kind === 'role' || kind === 'provider-group');
}

/** As what rules see a node: `laptop is of ada@example.com, an admin, in ops@login.example.com`. */
function standing(node: NamedNode | undefined): string[] {
  if (node === undefined) return [];
  const { name, tags, owner, ownerRole = '', ownerGroups = [] } = node;
  if (tags.length > 0) return [`${name} has ${tags.map((tag) => `tag:${tag}`).join(', ')}`];
  if (owner === '') return [`${name} has no tag and is nobody's`];
  const role = { owner: ', an owner', admin: ', an admin', auditor: ', an auditor', '': '' }[ownerRole];
  const groups = ownerGroups.length === 0 ? '' : `, in ${ownerGroups.join(', ')}`;
  return [`${name} is of ${owner}${role}${groups}`];
}

function partyOf(text: string, nodes: readonly NamedNode[]): { party: Party; node?: NamedNode } | null {
  const prefix = text.includes('/') ? null : parsePrefix(text);
  const name = text.toLowerCase();
  const node =
    prefix === null
      ? (nodes.find(({ id }) => id === text) ?? nodes.find((each) => each.name === name))
      : nodes.find(({ address4, address6 }) => [address4, address6].includes(formatIp(prefix.bytes)));
  // By name a node stands with both of its addresses; by address with that alone.
  if (node !== undefined) {
    const own = [node.address4, node.address6].flatMap((address) => parsePrefix(address) ?? []);
    return { party: { prefixes: prefix === null ? own : [prefix], machine: node }, node };
  }
  return prefix === null ? null : { party: { prefixes: [prefix], machine: null } };
}

/** Who has an address behind it, by the most specific route; the first of several. */
function carrierOf(
  party: Party,
  nodes: readonly NamedNode[],
  outside: readonly Prefix[],
): NamedNode | undefined {
  const address = party.prefixes[0]?.bytes;
  if (address === undefined) return undefined;
  let best: { node: NamedNode; length: number } | undefined;
  for (const node of nodes) {
    for (const route of node.routes) {
      const prefix = parsePrefix(route);
      if (prefix === null || !prefixContains(prefix, address)) continue;
      if (best === undefined || prefix.length > best.length) best = { node, length: prefix.length };
    }
  }
  if (best !== undefined) return best.node;
  return outside.some((part) => prefixContains(part, address))
    ? nodes.find(({ exitNode }) => exitNode)
    : undefined;
}

function described(rule: Rule): string {
  const list = (selectors: Rule['sources']) => selectors.map(({ text }) => text).join(', ') || 'nobody';
  return `${list(rule.sources)} to ${list(rule.destinations)}, ${servicesText(rule.services)}`;
}

export function servicesText(services: readonly Service[]): string {
  if (services.length === 0) return 'everything';
  return services
    .map(({ protocol, firstPort, lastPort }) => {
      const name = PROTOCOL_NAMES[protocol] ?? `protocol ${protocol}`;
      if (lastPort === 0) return name;
      return firstPort === lastPort ? `${name} ${firstPort}` : `${name} ${firstPort}-${lastPort}`;
    })
    .join(', ');
}
