import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PictureFeed } from '../../../coordinator/telemetry/picture-feed.ts';
import type { ReportingStream, Telemetry } from '../../../coordinator/telemetry/telemetry.ts';
import { PathKind } from '../../../proto/gen/warren.ts';
import { aMesh, aNode, aPath, type TestNodes } from '../../support/mesh-view.ts';

let now: number;
let nodes: TestNodes;
let telemetry: Telemetry;
let feed: PictureFeed;
const streams = new Map<string, ReportingStream>();

function open(count: number, expanded: readonly string[] = []): void {
  now = 0;
  const clock = { monotonic: () => now, wall: () => now };
  ({ nodes, telemetry } = aMesh(
    Array.from({ length: count }, (_, i) => aNode(`n${i}`, { tags: [i % 2 === 0 ? 'web' : 'db'] })),
    clock,
  ));
  feed = new PictureFeed(nodes, telemetry, () => ({ now, monotonic: now }), new Set(expanded));
}

const report = (from: string, to: string, changes = {}) => {
  const stream = streams.get(from) ?? telemetry.connect(from, () => {});
  streams.set(from, stream);
  stream.report({ peers: [aPath(to, changes)] });
};
const move = () => {
  for (const listener of nodes.listeners) listener();
};
const change = () => {
  const news = feed.next();
  return news?.event === 'change' ? news.data : news;
};

beforeEach(() => streams.clear());
afterEach(() => {
  feed.close();
  telemetry.close();
});

describe('one looker’s picture', () => {
  it('is whole at first, and nothing while nothing changes', () => {
    open(3);
    report('n0', 'n1');
    const first = feed.next();
    expect(first).toMatchObject({ event: 'picture', data: { isGrouped: false } });
    expect(first?.data.items).toHaveLength(3);
    expect(first?.data.edges).toHaveLength(1);
    expect(feed.next()).toBeNull();
    report('n0', 'n1');
    expect(feed.next()).toBeNull();
  });

  it('a report changes the one edge that it is about, whatever else there is', () => {
    open(400);
    for (let i = 1; i < 400; i++) report('n0', `n${i}`);
    feed.next();
    report('n0', 'n7', { kind: PathKind.PATH_KIND_RELAY });
    expect(change()).toMatchObject({
      items: [],
      edges: [{ a: 'n0', b: 'n7', kind: 'relay' }],
      goneEdges: [],
    });
  });

  it('traffic ends by itself', () => {
    open(2);
    report('n0', 'n1');
    feed.next();
    now += 60_000;
    report('n0', 'n1', { sentBytes: 60_000n });
    expect(change()).toMatchObject({ edges: [{ rate: 1_000 }] });
    now += 151_000;
    expect(change()).toMatchObject({ edges: [{ rate: 0 }] });
    expect(feed.next()).toBeNull();
  });

  it('a change of the network tells machines that are new, others than before, or gone, with their edges', () => {
    open(3);
    report('n0', 'n1');
    report('n1', 'n2');
    feed.next();
    nodes.members.delete('n2');
    nodes.members.set('n9', aNode('n9'));
    nodes.members.set('n0', aNode('n0', { name: 'renamed', tags: ['web'] }));
    move();
    const told = change() as any;
    expect(told.items.map(({ id }: any) => id)).toEqual(['n0', 'n9']);
    expect(told).toMatchObject({ edges: [], goneItems: ['n2'], goneEdges: ['n1 n2'] });
    move();
    expect(feed.next()).toBeNull();
  });

  it('what the policy takes apart is gone', () => {
    open(2);
    report('n0', 'n1');
    feed.next();
    nodes.apart.add('n0 n1');
    move();
    expect(change()).toMatchObject({ goneEdges: ['n0 n1'] });
  });

  it('many machines are groups, of which those that changed are told', () => {
    open(600);
    report('n0', 'n1');
    const first = feed.next();
    expect(first?.data.items.map(({ id }) => id)).toEqual(['group:web', 'group:db']);
    report('n2', 'n3', { kind: PathKind.PATH_KIND_RELAY });
    expect(change()).toMatchObject({ items: [], edges: [{ pairs: { direct: 1, relay: 1 } }] });
    expect(feed.next()).toBeNull();
    feed.close();
    expect(nodes.listeners.size).toBe(0);
  });

  it('a network that grows beyond 500 is told whole, in groups', () => {
    open(500);
    expect(feed.next()?.data).toMatchObject({ isGrouped: false });
    nodes.members.set('n500', aNode('n500', { tags: ['web'] }));
    move();
    expect(feed.next()).toMatchObject({ event: 'picture', data: { isGrouped: true } });
  });
});
