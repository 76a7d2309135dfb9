import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CompiledPolicy } from '../../../../coordinator/network/policy/compile.ts';
import { explain, type NamedNode, parseFlow } from '../../../../coordinator/network/policy/explain.ts';
import { parsePolicy } from '../../../../coordinator/network/policy/parse.ts';
import { servicesInclude } from '../../../../coordinator/network/policy/services.ts';
import { parseIp } from '../../../../shared/ip.ts';
import { parsePrefix, prefixContains } from '../../../../shared/prefix.ts';
import { NETWORK, policyNode, randomNodes, randomPolicy } from '../../../support/policies.ts';

const named = (n: number, name: string, changes = {}): NamedNode => ({ ...policyNode(n, changes), name });
const NODES = [
  named(1, 'laptop', { owner: 'alice@example.com' }),
  named(2, 'web', { tags: ['web'] }),
  named(3, 'router', { tags: ['router'], routes: ['192.168.1.0/24', '192.168.0.0/16'] }),
  named(4, 'exit', { tags: ['exit'], exitNode: true }),
  named(5, 'tablet', { owner: 'carol', ownerRole: 'auditor', ownerGroups: ['ops@login.example.com'] }),
  named(6, 'kiosk'),
];
const TEXT = `{"acls": [
  {"action": "accept", "src": ["alice@example.com"], "dst": ["tag:web:80", "192.168.1.0/24:*"], "proto": "tcp"},
  {"action": "accept", "src": ["tag:web"], "dst": ["autogroup:internet:*"]},
]}`;

function ask(from: string, to: string, flow: string, text: string | null = TEXT) {
  const document = text === null ? null : parsePolicy(text).document;
  return explain(document, NETWORK, NODES, [from, to], parseFlow(flow)!);
}

describe('an explanation', () => {
  it('names the rule that grants and its line', () => {
    expect(ask('laptop', 'web', 'tcp/80')).toEqual({
      allowed: true,
      rule: { id: 'acls[0]', line: 2 },
      at: 'web',
      why: ['acls[0] in line 2 grants it: alice@example.com to tag:web, tcp 80'],
    });
  });

  it.each<[string, string, string, string]>([
    ['the port is another', 'web', 'tcp/22', 'acls[0] in line 2 has both, but grants tcp 80 only'],
    ['the protocol is another', 'web', 'udp/80', 'acls[0] in line 2 has both, but grants tcp 80 only'],
    [
      'the destination is another',
      'exit',
      'tcp/80',
      'acls[0] in line 2 has laptop as a source, but not exit',
    ],
    [
      'the source is another',
      '8.8.8.8',
      'udp/53',
      'acls[1] in line 3 has 8.8.8.8 as a destination, but not laptop',
    ],
    ['nothing fits', 'router', 'udp/1', 'no rule has laptop as a source or router as a destination'],
    ['nobody carries the address', '10.9.9.9', 'tcp/1', 'no node carries 10.9.9.9'],
  ])('tells when %s', (_, to, flow, why) => {
    const explanation = ask('laptop', to, flow);
    expect(explanation).toMatchObject({ allowed: false, rule: null });
    expect(explanation?.why.join('\n')).toContain(why);
  });

  it('tells at which router an address is reached: the one with the most specific route', () => {
    expect(ask('laptop', '192.168.1.9', 'tcp/5')).toMatchObject({ allowed: true, at: 'router' });
    expect(ask('laptop', '192.168.2.9', 'tcp/5')).toMatchObject({ allowed: false, at: 'router' });
    expect(ask('web', '8.8.8.8', 'udp/53')).toMatchObject({ allowed: true, at: 'exit' });
  });

  it('tells as what the rules see both machines: tags, user, role, groups', () => {
    const text = '{"grants": [{"src": ["autogroup:auditor"], "dst": ["tag:web"], "ip": ["tcp:80"]}]}';
    expect(ask('tablet', 'web', 'tcp/80', text)?.why).toEqual([
      'grants[0] in line 1 grants it: autogroup:auditor to tag:web, tcp 80',
      'tablet is of carol, an auditor, in ops@login.example.com',
    ]);
    expect(ask('laptop', 'web', 'tcp/80', text)?.why).toEqual([
      'no rule grants it',
      'grants[0] in line 1 has web as a destination, but not laptop as a source: autogroup:auditor to tag:web, tcp 80',
      'laptop is of alice@example.com',
      'web has tag:web',
    ]);
    expect(ask('kiosk', 'web', 'tcp/80', text)?.why).toContain("kiosk has no tag and is nobody's");
  });

  it('without a policy says that everything is allowed', () => {
    expect(ask('laptop', 'web', 'tcp/22', null)).toMatchObject({ allowed: true, rule: null });
  });

  it('knows names and ids of nodes, their addresses, and nothing else', () => {
    expect(ask('n1', '100.64.0.2', 'tcp/80')).toMatchObject({ allowed: true });
    expect(ask('fd00::1', 'fd00::2', 'tcp/80')).toMatchObject({ allowed: true });
    expect(ask('nobody', 'web', 'tcp/80')).toBeNull();
    expect(ask('laptop', '192.168.1.0/24', 'tcp/80')).toBeNull();
  });

  it.each([['tcp'], ['tcp/0'], ['tcp/65536'], ['tcp/22/1'], ['icmp/1'], ['22'.repeat(3)], ['*'], ['']])(
    'does not take %j for a protocol and port',
    (text) => expect(parseFlow(text)).toBeNull(),
  );

  it('agrees with what was compiled, for random policies and nodes', () => {
    fc.assert(
      fc.property(randomPolicy, randomNodes(4), (policy, bare) => {
        const { document } = parsePolicy(JSON.stringify(policy));
        const nodes = bare.map((node) => ({ ...node, name: node.id }));
        // Without what they carry: addresses of nodes lie in no network behind another here.
        const compiled = new CompiledPolicy(
          document!,
          NETWORK,
          bare.map((node) => ({ ...node, routes: [], exitNode: false })),
        );
        for (const from of nodes) {
          for (const to of nodes.filter((node) => node !== from)) {
            for (const [source, target] of [
              [from.address4, to.address4],
              [from.address6, to.address6],
            ] as const) {
              const flow = { protocols: [6], port: 22 };
              const { allowed } = explain(document, NETWORK, nodes, [source, target], flow)!;
              const granted = compiled
                .filterOf(to.id)
                .some(
                  ({ sources, destinations, services }) =>
                    holds(sources, source) && holds(destinations, target) && servicesInclude(services, 6, 22),
                );
              expect(allowed).toBe(granted);
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

function holds(prefixes: readonly string[], address: string): boolean {
  return prefixes.some((text) => prefixContains(parsePrefix(text)!, parseIp(address)!));
}
