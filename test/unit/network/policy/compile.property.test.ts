import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CompiledPolicy, type FilterRuleView } from '../../../../coordinator/network/policy/compile.ts';
import type { PolicyNode } from '../../../../coordinator/network/policy/node-state.ts';
import { parsePolicy } from '../../../../coordinator/network/policy/parse.ts';
import { servicesInclude } from '../../../../coordinator/network/policy/services.ts';
import type { IpBytes } from '../../../../shared/ip.ts';
import { formatIp } from '../../../../shared/ip.ts';
import { type Prefix, parsePrefix, prefixContains, prefixesOverlap } from '../../../../shared/prefix.ts';
import {
  carries,
  directlyAllowed,
  NETWORK,
  type RawPolicy,
  randomNode,
  randomNodes,
  randomPolicy,
  SERVICES,
  sampleAddresses,
} from '../../../support/policies.ts';

function compiled(policy: RawPolicy, nodes: readonly PolicyNode[]): CompiledPolicy {
  const { document, problems } = parsePolicy(JSON.stringify(policy));
  expect(problems).toEqual([]);
  return new CompiledPolicy(document!, NETWORK, nodes);
}

/** A filter with its texts read, as a host would apply it. */
function reader(rules: readonly FilterRuleView[]) {
  const read = (texts: readonly string[]) => texts.map((text) => parsePrefix(text) as Prefix);
  const parsed = rules.map((rule) => ({
    ...rule,
    sources: read(rule.sources),
    destinations: read(rule.destinations),
  }));
  const holds = (prefixes: Prefix[], address: IpBytes) =>
    prefixes.some((prefix) => prefixContains(prefix, address));
  return {
    parsed,
    services: (source: IpBytes, destination: IpBytes) =>
      parsed.filter((rule) => holds(rule.sources, source) && holds(rule.destinations, destination)),
  };
}

/** Whether what one node carries may send anything to what another carries. */
function directlyReaches(
  policy: RawPolicy,
  nodes: readonly PolicyNode[],
  from: PolicyNode,
  to: PolicyNode,
): boolean {
  const addresses = sampleAddresses(nodes);
  const sends = addresses.filter((address) => carries({ ...from, exitNode: false }, address));
  const receives = addresses.filter((address) => carries(to, address));
  return sends.some((source) =>
    receives.some((destination) =>
      SERVICES.some(([protocol, port]) =>
        directlyAllowed(policy, nodes, to, { source, destination, protocol, port }),
      ),
    ),
  );
}

const COUNT = 5;
const RUNS = { numRuns: 150 };

describe('a compiled policy, against a direct reading of the document', () => {
  it('SEC-36: lets in exactly the packets that the document grants, at hosts, routers and exits', () => {
    fc.assert(
      fc.property(randomPolicy, randomNodes(COUNT), (policy, nodes) => {
        const policyNow = compiled(policy, nodes);
        const addresses = sampleAddresses(nodes);
        for (const at of nodes) {
          const filter = reader(policyNow.filterOf(at.id));
          for (const destination of addresses.filter((address) => carries(at, address))) {
            for (const source of addresses) {
              if (source.length !== destination.length) continue;
              const matching = filter.services(source, destination);
              for (const [protocol, port] of SERVICES) {
                const granted = matching.some(({ services }) => servicesInclude(services, protocol, port));
                const packet = { source, destination, protocol, port };
                if (granted === directlyAllowed(policy, nodes, at, packet)) continue;
                expect.fail(
                  `${formatIp(source)} to ${formatIp(destination)} ${protocol}/${port} at ${at.id}: filter says ${granted}`,
                );
              }
            }
          }
        }
      }),
      RUNS,
    );
  });

  it('shows two nodes to each other exactly when something may pass between them', () => {
    fc.assert(
      fc.property(randomPolicy, randomNodes(COUNT), (policy, nodes) => {
        const policyNow = compiled(policy, nodes);
        for (const a of nodes) {
          const seen = [...policyNow.peersOf(a.id)];
          expect(new Set(seen).size).toBe(seen.length);
          const expected = nodes.filter(
            (b) => b !== a && (directlyReaches(policy, nodes, a, b) || directlyReaches(policy, nodes, b, a)),
          );
          expect(seen.sort()).toEqual(expected.map(({ id }) => id).sort());
        }
      }),
      RUNS,
    );
  });

  it('shows of a router those networks, and of an exit the Internet, that something may pass to or from', () => {
    fc.assert(
      fc.property(randomPolicy, randomNodes(3), (policy, nodes) => {
        const policyNow = compiled(policy, nodes);
        for (const viewer of nodes) {
          for (const peer of nodes.filter((node) => node !== viewer)) {
            const carried = policyNow.carriedFor(policyNow.state(viewer.id)!, policyNow.state(peer.id)!);
            const bare = { ...peer, address4: '', address6: '', routes: [] as string[], exitNode: false };
            const reaches = (part: Partial<PolicyNode>) => {
              const only = { ...bare, address4: '203.0.113.1', address6: 'fd66::1', ...part };
              return policyReaches(policy, nodes, viewer, only) || policyReaches(policy, nodes, only, viewer);
            };
            expect(carried.routes).toEqual(peer.routes.filter((route) => reaches({ routes: [route] })));
            expect(carried.exitNode).toBe(
              peer.exitNode &&
                directlyToInternet(policy, nodes, viewer, {
                  ...bare,
                  address4: '203.0.113.1',
                  address6: 'fd66::1',
                  exitNode: true,
                }),
            );
          }
        }
      }),
      RUNS,
    );
  });

  it('has no list with blocks that overlap, which nftables would refuse', () => {
    fc.assert(
      fc.property(randomPolicy, randomNodes(COUNT), (policy, nodes) => {
        const policyNow = compiled(policy, nodes);
        for (const { id } of nodes) {
          for (const { sources, destinations } of reader(policyNow.filterOf(id)).parsed) {
            for (const blocks of [sources, destinations]) {
              expect(blocks.length).toBeGreaterThan(0);
              blocks.forEach((a, i) => {
                for (const b of blocks.slice(i + 1)) expect(prefixesOverlap(a, b)).toBe(false);
              });
            }
          }
        }
      }),
      RUNS,
    );
  });

  it('kept up by changes is what a new one would be, and a step tells of every filter that it changes', () => {
    const change = fc.oneof(
      fc.integer({ min: 1, max: COUNT + 2 }).chain((n) => randomNode(n)),
      fc.integer({ min: 1, max: COUNT + 2 }).map((n) => `n${n}`),
    );
    fc.assert(
      fc.property(
        randomPolicy,
        randomNodes(COUNT),
        fc.array(change, { maxLength: 6 }),
        (policy, nodes, changes) => {
          const kept = compiled(policy, nodes);
          const now = new Map(nodes.map((node) => [node.id, node]));
          const filters = () => new Map([...now.keys()].map((id) => [id, JSON.stringify(kept.filterOf(id))]));
          let before = filters();
          for (const step of changes) {
            const removed = typeof step === 'string';
            if (removed) now.delete(step);
            else now.set(step.id, step);
            const told = removed ? kept.update([], [step]) : kept.update([step], []);
            const after = filters();
            for (const [id, filter] of after) {
              const state = kept.state(id)!;
              const isTold = told.before.has(id) || kept.filterTouched(state, told);
              if (filter !== before.get(id)) expect(isTold, `${id} was told of its filter`).toBe(true);
            }
            before = after;
            const fresh = compiled(policy, [...now.values()]);
            for (const id of now.keys()) {
              expect(kept.filterOf(id)).toEqual(fresh.filterOf(id));
              expect([...kept.peersOf(id)].sort()).toEqual([...fresh.peersOf(id)].sort());
            }
          }
        },
      ),
      RUNS,
    );
  });

  it('numbers nodes in groups from which alone one can tell who may meet', () => {
    fc.assert(
      fc.property(randomPolicy, randomNodes(COUNT), (policy, nodes) => {
        const policyNow = compiled(policy, nodes);
        const { groupOf, meetings } = policyNow.groups();
        const pairs = new Set(meetings.flatMap(([a, b]) => [`${a} ${b}`, `${b} ${a}`]));
        for (const a of nodes) {
          for (const b of nodes.filter((node) => node !== a)) {
            expect(pairs.has(`${groupOf(a.id)} ${groupOf(b.id)}`)).toBe(
              policyNow.mayMeet(policyNow.state(a.id)!, policyNow.state(b.id)!),
            );
          }
        }
      }),
      RUNS,
    );
  });
});

/** Between a node and a network behind another that has no addresses of its own. */
function policyReaches(
  policy: RawPolicy,
  nodes: readonly PolicyNode[],
  from: PolicyNode,
  to: PolicyNode,
): boolean {
  const addresses = sampleAddresses(nodes);
  const carried = (node: PolicyNode, address: IpBytes) =>
    node.address4 === '203.0.113.1'
      ? node.routes.some((route) => prefixContains(parsePrefix(route) as Prefix, address))
      : carries({ ...node, exitNode: node === to && node.exitNode }, address);
  return addresses.some(
    (source) =>
      carried(from, source) &&
      addresses.some(
        (destination) =>
          carried(to, destination) &&
          SERVICES.some(([protocol, port]) =>
            directlyAllowed(policy, nodes, to, { source, destination, protocol, port }),
          ),
      ),
  );
}

function directlyToInternet(
  policy: RawPolicy,
  nodes: readonly PolicyNode[],
  viewer: PolicyNode,
  exit: PolicyNode,
): boolean {
  const addresses = sampleAddresses(nodes);
  return addresses.some(
    (source) =>
      carries({ ...viewer, exitNode: false }, source) &&
      addresses.some(
        (destination) =>
          carries(exit, destination) &&
          SERVICES.some(([protocol, port]) =>
            directlyAllowed(policy, nodes, exit, { source, destination, protocol, port }),
          ),
      ),
  );
}
