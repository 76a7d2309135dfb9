import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Telemetry } from '../../../coordinator/telemetry/telemetry.ts';
import { aMesh, aNode, type TestNodes } from '../../support/mesh-view.ts';

const [ONE, TWO] = ['10.1.0.0/16', '10.2.0.0/16'];
const OFFERS = { routes: [ONE, TWO], exitNode: true, tags: [] };
let nodes: TestNodes;
let telemetry: Telemetry;
let now: number;

beforeEach(() => {
  now = 0;
  ({ nodes, telemetry } = aMesh(
    [
      ...['a', 'b', 'c'].map((id) => aNode(id)),
      aNode('r', { offers: OFFERS, approvedRoutes: [ONE], exitNodeApproved: true }),
      aNode('s', { offers: OFFERS, approvedRoutes: [ONE, TWO] }),
    ],
    { monotonic: () => now, wall: () => now },
  ));
});
afterEach(() => telemetry.close());

type Told = [route: string, nodeId: string];
const connect = (id: string) => {
  const stream = telemetry.connect(id, () => {});
  return {
    end: () => stream.end(),
    tell: (uses: Told[], exitNodeId = '') =>
      stream.report({
        peers: [],
        carriers: { routeUses: uses.map(([route, nodeId]) => ({ route, nodeId })), exitNodeId },
      }),
    sayNothing: () => stream.report({ peers: [] }),
  };
};
const counts = () => ({
  r: telemetry.carrierUses.ofRoute('r', ONE),
  s: telemetry.carrierUses.ofRoute('s', ONE),
  exit: telemetry.carrierUses.ofExit('r'),
});

describe('who is in use', () => {
  it('is counted by what each machine said last, and not known before anybody said anything', () => {
    const [a, b] = [connect('a'), connect('b')];
    a.sayNothing();
    expect(counts()).toEqual({ r: null, s: null, exit: null });
    a.tell([[ONE, 'r']], 'r');
    b.tell([[ONE, 'r']]);
    expect(counts()).toEqual({ r: 2, s: 0, exit: 1 });
    b.sayNothing();
    a.tell([[ONE, 's']]);
    expect(counts()).toEqual({ r: 1, s: 1, exit: 0 });
  });

  it('is forgotten with the stream of who said it, and by a new one', () => {
    const [a, b] = [connect('a'), connect('b')];
    a.tell([[ONE, 'r']], 'r');
    b.tell([]);
    a.end();
    expect(counts()).toEqual({ r: 0, s: 0, exit: 0 });
    a.tell([[ONE, 'r']]);
    expect(counts().r).toBe(0);
    b.tell([[ONE, 's']]);
    connect('b').sayNothing();
    expect(counts()).toEqual({ r: null, s: null, exit: null });
  });

  it.each<[string, Told[], string]>([
    ['a network that is not approved', [[TWO, 'r']], ''],
    ['a network that the node does not carry', [['10.9.0.0/16', 'r']], ''],
    [
      'no network',
      [
        ['', 'r'],
        ['<script>', 's'],
        ['10.1.0.0/016', 's'],
      ],
      '',
    ],
    ['another text for the same network', [['10.1.7.7/16', 'r']], ''],
    ['a node that is none', [[ONE, 'nobody']], 'nobody'],
    ['a node that it may not see', [[ONE, 'hidden']], 'hidden'],
    ['an exit that is not approved', [], 's'],
    ['names of what objects have', [['constructor', '__proto__']], '__proto__'],
  ])('does not count %s', (_what, uses, exit) => {
    nodes.members.set(
      'hidden',
      aNode('hidden', { offers: OFFERS, approvedRoutes: [ONE], exitNodeApproved: true }),
    );
    nodes.apart.add('a hidden');
    connect('a').tell(uses, exit);
    for (const id of nodes.members.keys()) {
      for (const route of [ONE, TWO]) expect(telemetry.carrierUses.ofRoute(id, route)).toBe(0);
      expect(telemetry.carrierUses.ofExit(id)).toBe(0);
    }
    expect(telemetry.carrierUses.ofRoute('r', '')).toBe(0);
  });

  it('no machine counts twice for a network, as its own carrier, or for the Internet as a network', () => {
    connect('a').tell([
      [ONE, 'r'],
      [ONE, 'r'],
      [ONE, 's'],
    ]);
    connect('s').tell([[ONE, 's']], 's');
    expect(counts()).toEqual({ r: 1, s: 0, exit: 0 });
    connect('b').tell([['', 'r']], 'r');
    expect(counts().exit).toBe(1);
  });

  it('no more networks of one machine are looked at than an agent tells', () => {
    const uses = Array.from({ length: 1_000 }, (): Told => ['10.9.0.0/16', 'r']);
    connect('a').tell([...uses, [ONE, 'r']]);
    expect(counts().r).toBe(0);
    connect('b').tell([...uses.slice(1), [ONE, 'r']]);
    expect(counts().r).toBe(1);
  });

  it('what is told too often is not taken', () => {
    const a = connect('a');
    const uses = Array.from({ length: 1_000 }, (): Told => ['10.9.0.0/16', 'r']);
    for (let i = 0; i < 20; i++) a.tell(uses);
    a.tell([...uses.slice(1), [ONE, 'r']]);
    expect(counts().r).toBe(0);
    now += 10_000;
    a.tell([...uses.slice(1), [ONE, 'r']]);
    expect(counts().r).toBe(1);
  });
});
