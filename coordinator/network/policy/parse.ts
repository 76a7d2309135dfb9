import type { Node } from 'jsonc-parser';
import { type Prefix, parsePrefix } from '../../../shared/prefix.ts';
import { canonicalTag } from '../tags.ts';
import { canonicalUser, type PolicyDocument, type Problem, type Rule, type Selector } from './document.ts';
import { type KnownKeys, Reading } from './reading.ts';
import { RuleReader } from './rule-reader.ts';
import {
  hasHostBits,
  hostBitsSet,
  isUnsupported,
  isUser,
  type Names,
  notATag,
  parseSelector,
} from './selectors.ts';

export interface ParsedPolicy {
  /** Null when there is any problem: a document counts as a whole or not at all. */
  readonly document: PolicyDocument | null;
  /** In the order of the text. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

const SECTIONS: KnownKeys = {
  acls: null,
  grants: null,
  groups: null,
  hosts: null,
  tagowners: null,
  autoapprovers: null,
  tests: null,
  ssh: 'Warren does not carry ssh rules; ssh goes by acls or grants for port 22',
  sshtests: 'Warren does not carry ssh rules',
  nodeattrs: 'machines have no attributes here',
  postures: 'device postures are not checked here',
  defaultsrcposture: 'device postures are not checked here',
  ipsets: 'name the networks in "hosts"',
  derpmap: 'relays are added with `coordinator relay`',
  disableipv4: 'every machine has an address of both families',
  onecgnatroute: 'it is a setting of other agents',
  randomizeclientport: 'it is a setting of other agents',
  attrconfig: 'machines have no attributes here',
};

/**
 * Reads a policy document: JSON with comments and trailing commas, in the form of Tailscale and headscale. Finds all that is
 * wrong with it, never just the first; what is not supported is refused by its name.
 */
export function parsePolicy(text: string): ParsedPolicy {
  const reading = new Reading(text);
  const document = reading.root === undefined ? null : readDocument(reading, reading.root);
  const inOrder = (problems: Problem[]) => problems.sort((a, b) => a.line - b.line || a.column - b.column);
  return {
    document: reading.problems.length === 0 ? document : null,
    problems: inOrder(reading.problems),
    warnings: inOrder(reading.warnings),
  };
}

function readDocument(reading: Reading, root: Node): PolicyDocument {
  const sections = reading.fields(root, 'a policy', SECTIONS);
  const section = (key: string) => sections.get(key)?.value;
  const names: Names = {
    groups: readGroups(reading, section('groups')),
    hosts: readHosts(reading, section('hosts')),
  };
  const tagOwners = readTagOwners(reading, section('tagowners'), names);
  const rules = new RuleReader(reading, names, tagOwners);
  const acls = rules.acls(section('acls'));
  const grants = rules.grants(section('grants'));
  if (root.type === 'object' && !sections.has('acls') && !sections.has('grants')) {
    reading.problem(
      root,
      'a policy needs "acls" or "grants": write "acls": [] to deny everything, or a rule from * to *:* to allow everything',
    );
  }
  return {
    rules: [...acls, ...grants] satisfies Rule[],
    tests: rules.tests(section('tests')),
    autoApprovers: readAutoApprovers(reading, section('autoapprovers'), names),
    tagOwners,
  };
}

function readGroups(reading: Reading, section: Node | undefined): Map<string, ReadonlySet<string>> {
  const groups = new Map<string, ReadonlySet<string>>();
  if (section === undefined) return groups;
  for (const { key, value } of reading.object(section, '"groups"') ?? []) {
    const name = String(key.value);
    if (!/^group:[^\s:@*]+$/.test(name)) reading.problem(key, `${JSON.stringify(name)} must be group:NAME`);
    const users = new Set<string>();
    for (const { node, text } of reading.strings(value, name)) {
      if (isUser(text)) users.add(canonicalUser(text));
      else if (text.startsWith('group:'))
        reading.problem(node, `a group has users, not groups such as ${text}`);
      else reading.problem(node, `${JSON.stringify(text)} is no user: write user@domain, or user@`);
    }
    groups.set(name.slice('group:'.length), users);
  }
  return groups;
}

function readHosts(reading: Reading, section: Node | undefined): Map<string, Prefix> {
  const hosts = new Map<string, Prefix>();
  if (section === undefined) return hosts;
  for (const { key, value } of reading.object(section, '"hosts"') ?? []) {
    const name = String(key.value);
    if (!/^[^\s:@*/]+$/.test(name)) {
      reading.problem(key, `${JSON.stringify(name)} cannot name a host: no spaces, colons, slashes, @ or *`);
    } else if (parsePrefix(name) !== null) {
      reading.problem(key, `${JSON.stringify(name)} is an address itself`);
    }
    const text = reading.string(value, `the address of ${name}`);
    if (text === null) continue;
    const prefix = parsePrefix(text);
    if (prefix === null) reading.problem(value, `${JSON.stringify(text)} is neither an address nor a CIDR`);
    else if (hasHostBits(text, prefix)) reading.warn(value, hostBitsSet(text, prefix));
    // Known all the same, so that its users are not problems too.
    hosts.set(name, prefix ?? UNSPECIFIED);
  }
  return hosts;
}

const UNSPECIFIED = parsePrefix('0.0.0.0/32') as Prefix;

function readTagOwners(
  reading: Reading,
  section: Node | undefined,
  names: Names,
): Map<string, readonly Selector[]> {
  const owners = new Map<string, readonly Selector[]>();
  if (section === undefined) return owners;
  for (const { key, value } of reading.object(section, '"tagOwners"') ?? []) {
    const name = String(key.value);
    const tag = name.startsWith('tag:') ? canonicalTag(name) : null;
    if (tag === null) reading.problem(key, notATag(name));
    owners.set(tag ?? name, readSelectors(reading, value, name, 'owner', names));
  }
  return owners;
}

function readAutoApprovers(
  reading: Reading,
  section: Node | undefined,
  names: Names,
): PolicyDocument['autoApprovers'] {
  const routes: { prefix: Prefix; approvers: Selector[] }[] = [];
  if (section === undefined) return { routes, exitNode: [] };
  const fields = reading.fields(section, '"autoApprovers"', {
    routes: null,
    exitnode: null,
    services: 'services are not supported',
  });
  const routesNode = fields.get('routes')?.value;
  for (const { key, value } of routesNode === undefined
    ? []
    : (reading.object(routesNode, '"autoApprovers.routes"') ?? [])) {
    const text = String(key.value);
    const prefix = parsePrefix(text);
    if (prefix === null) reading.problem(key, `${JSON.stringify(text)} is not a CIDR`);
    else if (hasHostBits(text, prefix)) reading.warn(key, hostBitsSet(text, prefix));
    const approvers = readSelectors(reading, value, `the approvers of ${text}`, 'approver', names);
    if (prefix !== null) routes.push({ prefix, approvers });
  }
  const exitNode = fields.get('exitnode')?.value;
  return {
    routes,
    exitNode: exitNode === undefined ? [] : readSelectors(reading, exitNode, 'exitNode', 'approver', names),
  };
}

function readSelectors(
  reading: Reading,
  list: Node,
  what: string,
  place: 'owner' | 'approver',
  names: Names,
): Selector[] {
  return reading.strings(list, what).flatMap(({ node, text }) => {
    const selector = parseSelector(text, place, names);
    if (typeof selector !== 'string') return [selector];
    reading.problem(node, selector, isUnsupported(text) ? 'unsupported' : 'invalid');
    return [];
  });
}
