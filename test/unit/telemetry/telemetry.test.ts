import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { edgeBetween, pairs } from '../../../coordinator/telemetry/edges.ts';
import { checkPath } from '../../../coordinator/telemetry/peer-path.ts';
import { QUIET_INTERVAL, type Telemetry } from '../../../coordinator/telemetry/telemetry.ts';
import { PathKind, type PathReport, type PeerPath } from '../../../proto/gen/warren.ts';
import { aMesh, aNode, aPath, type TestNodes } from '../../support/mesh-view.ts';

const NOW = Date.UTC(2026, 0, 1);
let now: number;
let nodes: TestNodes;
let telemetry: Telemetry;
const clock = { monotonic: () => now, wall: () => NOW + now };

beforeEach(() => {
  now = 0;
  ({ nodes, telemetry } = aMesh(
    ['a', 'b', 'c'].map((id) => aNode(id, { homeRelay: 'r' })),
    clock,
  ));
});

afterEach(() => {
  telemetry.close();
  vi.useRealTimers();
});

const paths = (...peers: PeerPath[]): PathReport => ({ peers });
const connect = (id: string, ask: (interval: number) => void = () => {}) => telemetry.connect(id, ask);
const edge = (one: string, other: string) => edgeBetween(telemetry, nodes, one, other, now);

describe('what agents tell of their paths', () => {
  it('both ends make one edge, whose traffic has two directions', () => {
    const [a, b] = [connect('a'), connect('b')];
    a.report(paths(aPath('b', { latency: 2 })));
    b.report(paths(aPath('a', { latency: 1.5 })));
    now += 60_000;
    a.report(paths(aPath('b', { latency: 2, sentBytes: 6_000n, receivedBytes: 60_000n })));
    expect([...pairs(telemetry)]).toEqual([['a', 'b']]);
    expect(edge('b', 'a')).toEqual({
      a: 'a',
      b: 'b',
      kind: 'direct',
      latency: 1.5,
      isEstimated: false,
      rate: 100,
      rateBack: 1_000,
    });
    now += 151_000;
    expect(edge('a', 'b')).toMatchObject({ rate: 0, rateBack: 0 });
    expect([...(telemetry.of('a')?.traffic.rows() ?? [])]).toEqual([
      { minute: NOW / 60_000, values: [60_000, 6_000] },
    ]);
  });

  it('an edge is by relay if one end says so, and none when both ends are away', () => {
    const [a, b] = [connect('a'), connect('b')];
    a.report(paths(aPath('b')));
    b.report(paths(aPath('a', { kind: PathKind.PATH_KIND_RELAY })));
    expect(edge('a', 'b')?.kind).toBe('relay');
    b.end();
    expect(edge('a', 'b')?.kind).toBe('direct');
    a.end();
    expect(edge('a', 'b')?.kind).toBe('none');
  });

  it('a session with a machine that went away is an edge only while something comes from it', () => {
    const a = connect('a');
    a.report(paths(aPath('b')));
    nodes.members.set('b', aNode('b', { online: false }));
    expect(edge('a', 'b')?.kind).toBe('none');
    now += 1_000;
    a.report(paths(aPath('b', { receivedBytes: 100n })));
    expect(edge('a', 'b')?.kind).toBe('direct');
    now += 151_000;
    expect(edge('a', 'b')?.kind).toBe('none');
  });

  it('a round trip by relay is reckoned from what both ends measured to it', () => {
    const [a, b] = [connect('a'), connect('b')];
    const relays = (latency: number) => ({ relays: [{ relayId: 'r', latency }] });
    a.report({ peers: [], relays: relays(10) });
    b.report({ peers: [aPath('a', { kind: PathKind.PATH_KIND_RELAY })], relays: relays(4) });
    expect(edge('a', 'b')).toMatchObject({ latency: 14, isEstimated: true });
    expect([...telemetry.latencies.of('b').keys()]).toEqual(['a']);
  });

  it('a node tells of nobody that the policy keeps from it, and of no stranger', () => {
    nodes.apart.add('a b');
    connect('a').report(paths(aPath('b'), aPath('stranger'), aPath('a'), aPath('c')));
    expect([...(telemetry.of('a')?.peers.keys() ?? [])]).toEqual(['c']);
    expect(telemetry.of('b')).toBeUndefined();
    nodes.apart.clear();
    expect(edge('a', 'b')).toBeNull();
  });

  it('a pair that a new policy keeps apart has no edge any more', () => {
    connect('a').report(paths(aPath('b')));
    expect(edge('a', 'b')).not.toBeNull();
    nodes.apart.add('b a');
    expect(edge('a', 'b')).toBeNull();
  });

  it('only the newest stream of a node is listened to', () => {
    const before = connect('a');
    const after = connect('a');
    before.report(paths(aPath('b')));
    before.end();
    expect(telemetry.of('a')).toMatchObject({ isConnected: true });
    expect(telemetry.of('a')?.peers.size).toBe(0);
    after.end();
    expect(telemetry.of('a')).toMatchObject({ isConnected: false });
  });

  it('what was counted while no stream was there is no traffic of this minute', () => {
    connect('a').report(paths(aPath('b', { sentBytes: 10n })));
    const again = connect('a');
    again.report(paths(aPath('b', { sentBytes: 10_000_000n })));
    expect([...(telemetry.of('a')?.traffic.rows() ?? [])]).toEqual([]);
    now += 1000;
    again.report(paths(aPath('b', { sentBytes: 10_000_500n })));
    expect(edge('a', 'b')?.rate).toBe(500);
  });

  it('bytes of a span over two minutes are given to both, as much as it is in each', () => {
    const a = connect('a');
    a.report(paths(aPath('b')));
    now += 90_000;
    a.report(paths(aPath('b', { sentBytes: 1_000n })));
    expect([...(telemetry.of('a')?.traffic.rows() ?? [])]).toEqual([
      { minute: NOW / 60_000, values: [0, 500] },
      { minute: NOW / 60_000 + 1, values: [0, 500] },
    ]);
  });

  it('an agent that was started anew counts from nothing', () => {
    const a = connect('a');
    a.report(paths(aPath('b', { sentBytes: 1_000_000n })));
    now += 1000;
    a.report(paths(aPath('b', { sentBytes: 300n })));
    expect(edge('a', 'b')?.rate).toBe(300);
  });

  it('changes of paths are kept, the latest 64 of a node', () => {
    const a = connect('a');
    for (let i = 0; i < 100; i++) {
      now += 10_000;
      a.report(
        paths(aPath('b', { kind: i % 2 === 0 ? PathKind.PATH_KIND_DIRECT : PathKind.PATH_KIND_RELAY })),
      );
    }
    const changes = telemetry.of('a')?.changes ?? [];
    expect(changes).toHaveLength(64);
    expect(changes.at(-1)).toMatchObject({ at: NOW + now, peerId: 'b', from: 'direct', to: 'relay' });
  });

  it('a removed node is forgotten, and what others said of it', () => {
    connect('a').report(paths(aPath('b')));
    connect('b').report(paths(aPath('a')));
    nodes.members.delete('b');
    expect(edge('a', 'b')).toBeNull();
    telemetry.sweep();
    expect(telemetry.of('b')).toBeUndefined();
    expect(telemetry.of('a')?.peers.size).toBe(0);
    expect(telemetry.latencies.of('b').size).toBe(0);
  });
});

describe('a hostile node', () => {
  it('cannot fill the memory: peers, paths a second, texts', () => {
    for (let i = 0; i < 6_000; i++) nodes.members.set(`n${i}`, aNode(`n${i}`));
    const a = connect('a');
    const many = Array.from({ length: 6_000 }, (_, i) => aPath(`n${i}`, { reason: 'x'.repeat(100_000) }));
    for (let round = 0; round < 3; round++) a.report(paths(...many));
    const state = telemetry.of('a');
    expect(state?.peers.size).toBe(4_096);
    expect(state?.changes).toHaveLength(64);
    expect(telemetry.latencies.of('a').size).toBe(32);
    expect([...(state?.peers.values() ?? [])].every(({ view }) => view.reason.length === 300)).toBe(true);
  });

  it('is not listened to beyond what a lawful one has to say', () => {
    const heard: string[] = [];
    telemetry.listen({ node: () => {}, edge: (a, b) => heard.push(`${a} ${b}`) });
    const a = connect('a');
    for (let i = 0; i < 10_000; i++) a.report(paths(aPath('b')));
    // A message and a path each; 8,192 at once.
    expect(heard).toHaveLength(4_096);
    now += 1_000;
    a.report(paths(aPath('b')));
    expect(heard).toHaveLength(4_097);
  });

  it.each<[Partial<PeerPath>, object]>([
    [{ kind: 77 as PathKind }, { kind: 'none', endpoint: '' }],
    [{ endpoint: '<script>' }, { endpoint: '' }],
    [{ kind: PathKind.PATH_KIND_RELAY, endpoint: '192.0.2.1:1' }, { endpoint: '' }],
    [{ latency: Number.NaN }, { latency: null }],
    [{ latency: -1 }, { latency: null }],
    [{ latency: Number.POSITIVE_INFINITY }, { latency: null }],
    [{ age: 2n ** 63n }, { since: 0 }],
    [{ receivedBytes: 2n ** 64n - 1n }, { receivedBytes: Number.MAX_SAFE_INTEGER }],
    [{ reason: 'a\u0000b\n\u202ec\ud800' }, { reason: 'a b c\ufffd' }],
  ])('case %# of what no agent says is taken as what can be shown', (changes, expected) => {
    connect('a').report(paths(aPath('b', changes)));
    expect(telemetry.of('a')?.peers.get('b')?.view).toMatchObject(expected);
  });

  it('of a text that is too long no more is kept in memory than is shown', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heap = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = heap();
    const kept = Array.from({ length: 200 }, (_, index) =>
      checkPath(aPath('b', { reason: Buffer.alloc(200_000, 'r').toString() + index, advice: '' }), NOW),
    );
    expect(heap() - before).toBeLessThan(10_000_000);
    expect(kept.at(-1)?.reason).toBe('r'.repeat(300));
  });

  it('words of NATs that no agent has are not taken', () => {
    const a = connect('a');
    a.report({ peers: [], nat: { mapping: 'address-dependent', filtering: 'unknown' } });
    a.report({ peers: [], nat: { mapping: '<b>', filtering: 'unknown' } });
    expect(telemetry.of('a')?.nat?.mapping).toBe('address-dependent');
  });

  it('bytes that no link carries make no rate beyond all bounds', () => {
    const a = connect('a');
    a.report(paths(aPath('b')));
    now += 1000;
    a.report(paths(aPath('b', { sentBytes: 2n ** 64n - 1n })));
    expect(edge('a', 'b')?.rate).toBe(1e11);
  });
});

describe('who looks', () => {
  it('makes those tell more often whom he looks at, until a while after', () => {
    vi.useFakeTimers();
    const asked: Record<string, number[]> = { a: [], b: [] };
    connect('a', (interval) => asked.a?.push(interval));
    connect('b', (interval) => asked.b?.push(interval));
    const one = telemetry.watch(2_000, ['a']);
    const all = telemetry.watch(10_000, null);
    one();
    one();
    vi.advanceTimersByTime(14_000);
    expect(asked).toEqual({ a: [QUIET_INTERVAL, 2_000], b: [QUIET_INTERVAL, 10_000] });
    vi.advanceTimersByTime(2_000);
    expect(asked.a).toEqual([QUIET_INTERVAL, 2_000, 10_000]);
    all();
    vi.advanceTimersByTime(16_000);
    expect(asked).toEqual({
      a: [QUIET_INTERVAL, 2_000, 10_000, QUIET_INTERVAL],
      b: [QUIET_INTERVAL, 10_000, QUIET_INTERVAL],
    });
  });

  it('once makes them tell more often for a while, however often he asks', () => {
    vi.useFakeTimers();
    const asked: number[] = [];
    connect('a', (interval) => asked.push(interval));
    for (let i = 0; i < 100; i++) telemetry.glance(['a', 'stranger']);
    expect(asked).toEqual([QUIET_INTERVAL, 5_000]);
    now += 10_000;
    telemetry.glance(null);
    vi.advanceTimersByTime(5_000);
    expect(asked).toEqual([QUIET_INTERVAL, 5_000]);
    now += 15_000;
    vi.advanceTimersByTime(5_000);
    expect(asked).toEqual([QUIET_INTERVAL, 5_000, QUIET_INTERVAL]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is told by each report of those edges alone that it is about', () => {
    for (let i = 0; i < 1_000; i++) nodes.members.set(`n${i}`, aNode(`n${i}`));
    const a = connect('a');
    a.report(paths(...Array.from({ length: 1_000 }, (_, i) => aPath(`n${i}`))));
    const heard: string[] = [];
    telemetry.listen({ node: (id) => heard.push(id), edge: (x, y) => heard.push(`${x} ${y}`) });
    a.report(paths(aPath('n7', { sentBytes: 1n })));
    expect(heard).toEqual(['a n7']);
  });
});
