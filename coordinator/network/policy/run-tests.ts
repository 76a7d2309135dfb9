import { type Prefix, parsePrefix } from '../../../shared/prefix.ts';
import type { Role } from '../roles.ts';
import type { PolicyDocument, PolicyTest, Problem, Rule, Selector, TestTarget } from './document.ts';
import { internet } from './internet.ts';
import type { PolicyNetwork, PolicyNode } from './node-state.ts';
import { type Party, ruleJoins } from './party.ts';
import type { Identified } from './rule-index.ts';
import { servicesInclude } from './services.ts';

/** What tests are asked against; without it an address is nobody's, and users have neither roles nor groups of a provider. */
export interface TestGround {
  readonly network: PolicyNetwork;
  readonly nodes: readonly PolicyNode[];
  readonly users: readonly TestedUser[];
}

/** As much of an account as rules look at. */
export interface TestedUser {
  readonly name: string;
  readonly role: Role;
  readonly disabled: boolean;
  /** As `ownerGroups` of its machines. */
  readonly groups: readonly string[];
}

/** What came of one test. */
export interface TestResult {
  readonly test: PolicyTest;
  /** Empty when it holds. */
  readonly failures: readonly Problem[];
}

/** What the document's own tests say against it, with the places of the tests. Empty when all hold. */
export function runTests(document: PolicyDocument, ground: TestGround | null): Problem[] {
  return testResults(document, ground).flatMap(({ failures }) => failures);
}

export function testResults(document: PolicyDocument, ground: TestGround | null): TestResult[] {
  const overlay = ground === null ? [] : [ground.network.prefix4, ground.network.prefix6];
  const outside = internet(overlay.map((text) => parsePrefix(text) as Prefix));
  return document.tests.map((test) => {
    const sources = partiesOf(test.source, ground);
    if (sources.length === 0) {
      return { test, failures: [failure(test, `${test.id}: ${test.source.text} is nobody`)] };
    }
    const tested = (target: TestTarget, wanted: boolean) => {
      for (const source of sources) {
        for (const destination of partiesOf(target.destination, ground)) {
          const rule = grantingRule(document, test, source, destination, target.port, outside, wanted);
          if ((rule !== undefined) === wanted) continue;
          return [
            failure(
              target,
              wanted
                ? `${denied(test, target)}${ground === null ? unknownAccounts(document, test) : ''}`
                : `${accepted(test, target)} by ${place(rule as Rule)}`,
            ),
          ];
        }
      }
      return [];
    };
    const failures = [
      ...test.accept.flatMap((target) => tested(target, true)),
      ...test.deny.flatMap((target) => tested(target, false)),
    ];
    return { test, failures };
  });
}

export function place(rule: Rule): string {
  return `${rule.id} in line ${rule.line}`;
}

function grantingRule(
  document: PolicyDocument,
  { protocols }: PolicyTest,
  source: Party,
  destination: Party,
  port: number,
  outside: readonly Prefix[],
  wanted: boolean,
): Rule | undefined {
  // A network is accepted only as a whole, and denied only if no part of it is granted.
  const extent = wanted ? 'whole' : 'part';
  return document.rules.find(
    (rule) =>
      protocols.some((protocol) => servicesInclude(rule.services, protocol, port)) &&
      ruleJoins(rule, source, destination, outside, extent),
  );
}

/** Whom a selector of a test stands for: each of them must pass. */
function partiesOf(selector: Selector, ground: TestGround | null): Party[] {
  const machine = (tags: string[], owner: string): Party => ({ prefixes: [], machine: { tags, owner } });
  switch (selector.kind) {
    case 'users':
      return [...selector.names].map((name) => ({ prefixes: [], machine: machineOf(name, ground) }));
    case 'provider-group':
      return [{ prefixes: [], machine: { tags: [], owner: '', ownerGroups: [selector.group] } }];
    case 'role':
      return [{ prefixes: [], machine: { tags: [], owner: '', ownerRole: selector.role } }];
    case 'tag':
      return [machine([selector.tag], '')];
    case 'member':
      return [machine([], '')];
    case 'tagged':
      // Some tag that no rule names.
      return [machine([''], '')];
    case 'prefix':
      return [partyAt(selector.prefix, ground)];
    default:
      return [];
  }
}

function machineOf(owner: string, ground: TestGround | null): Identified {
  const user = ground?.users.find(({ name }) => name === owner);
  if (user === undefined) return { tags: [], owner };
  return { tags: [], owner, ownerGroups: user.groups, ownerRole: user.disabled ? '' : user.role };
}

/** A node when it is a node's address: then its tags and owner count too. */
function partyAt(prefix: Prefix, ground: TestGround | null): Party {
  const text = String(prefix.bytes);
  const node =
    prefix.length === prefix.bytes.length * 8
      ? ground?.nodes.find(({ address4, address6 }) =>
          [address4, address6].some((own) => String(parsePrefix(own)?.bytes) === text),
        )
      : undefined;
  return { prefixes: [prefix], machine: node ?? null };
}

function failure(at: PolicyTest | TestTarget, message: string): Problem {
  return { line: at.line, column: at.column, code: 'test-failed', message };
}

function denied(test: PolicyTest, target: TestTarget): string {
  return `${test.id} fails: ${test.source.text} must reach ${target.text}, and no rule grants it`;
}

/** Why a document that is looked at alone may fail where the network would not. */
function unknownAccounts({ rules }: PolicyDocument, { source }: PolicyTest): string {
  const isAsked = rules.some(({ sources }) =>
    sources.some(({ kind }) => kind === 'role' || kind === 'provider-group'),
  );
  return source.kind === 'users' && isAsked
    ? ' (roles and groups of accounts are known with --data only)'
    : '';
}

function accepted(test: PolicyTest, target: TestTarget): string {
  return `${test.id} fails: ${test.source.text} must not reach ${target.text}, and it is granted`;
}
