import { afterEach, describe, expect, it } from 'vitest';
import { matrixOf } from '../../../coordinator/telemetry/matrix.ts';
import { pictureOf } from '../../../coordinator/telemetry/picture.ts';
import type { Telemetry } from '../../../coordinator/telemetry/telemetry.ts';
import { PathKind } from '../../../proto/gen/warren.ts';
import { aMesh, aNode, aPath } from '../../support/mesh-view.ts';

const clock = { monotonic: () => 0, wall: () => Date.UTC(2026, 0, 1) };
const time = { now: clock.wall(), monotonic: 0 };
let telemetry: Telemetry | null = null;

afterEach(() => telemetry?.close());

function mesh(...args: Parameters<typeof aMesh>) {
  const made = aMesh(...args);
  telemetry = made.telemetry;
  return made;
}

const routes = (...list: string[]) => ({
  offers: { routes: list, exitNode: false, tags: [] },
  approvedRoutes: list,
});

describe('the picture of the mesh', () => {
  it('has every machine with what it is to the others', () => {
    const exit = { offers: { routes: [], exitNode: true, tags: [] }, exitNodeApproved: true };
    const { nodes, telemetry } = mesh(
      [
        aNode('plain'),
        aNode('router', routes('10.0.0.0/24')),
        aNode('pending', { offers: { routes: ['10.1.0.0/24'], exitNode: true, tags: [] } }),
        aNode('exit', exit),
        aNode('away', { online: false, tags: ['web'] }),
        aNode('expired', { keyExpiresAt: 1 }),
      ],
      clock,
    );
    telemetry.connect('plain', () => {});
    const { items, isGrouped } = pictureOf(nodes, telemetry, time);
    expect(isGrouped).toBe(false);
    expect(
      items.map((item) => (item.kind === 'machine' ? [item.id, item.role, item.state, item.reports] : item)),
    ).toEqual([
      ['plain', 'machine', 'online', true],
      ['router', 'router', 'online', false],
      ['pending', 'machine', 'online', false],
      ['exit', 'exit', 'online', false],
      ['away', 'machine', 'away', false],
      ['expired', 'machine', 'expired', false],
    ]);
  });

  it('of more than 500 machines has groups by tag, and sums of their edges; those of an expanded tag stand alone', () => {
    const { nodes, telemetry } = mesh(
      Array.from({ length: 600 }, (_, i) =>
        aNode(`n${String(i).padStart(3, '0')}`, {
          tags: i < 300 ? ['web'] : i < 310 ? ['db'] : [],
          online: i % 2 === 0,
        }),
      ),
      clock,
    );
    const report = (from: number, to: number, changes = {}) =>
      telemetry
        .connect(`n${String(from).padStart(3, '0')}`, () => {})
        .report({ peers: [aPath(`n${String(to).padStart(3, '0')}`, changes)] });
    report(0, 300, { latency: 9 });
    report(1, 302, { latency: 4 });
    report(2, 304, { kind: PathKind.PATH_KIND_RELAY });
    report(3, 4);
    const grouped = pictureOf(nodes, telemetry, time);
    expect(grouped.items).toEqual([
      { kind: 'group', id: 'group:web', tag: 'web', count: 300, online: 150 },
      { kind: 'group', id: 'group:db', tag: 'db', count: 10, online: 5 },
      { kind: 'group', id: 'group:', tag: '', count: 290, online: 145 },
    ]);
    expect(grouped.edges).toEqual([
      expect.objectContaining({
        a: 'group:db',
        b: 'group:web',
        kind: 'direct',
        latency: 4,
        pairs: { direct: 2, relay: 1, none: 0 },
      }),
    ]);
    const expanded = pictureOf(nodes, telemetry, time, new Set(['db']));
    expect(expanded.items.filter(({ kind }) => kind === 'machine')).toHaveLength(10);
    expect(expanded.edges.map(({ a, b }) => `${a} ${b}`)).toEqual([
      'group:web n300',
      'group:web n302',
      'group:web n304',
    ]);
  });

  it('has the busiest of more edges than anybody can look at', () => {
    const { nodes, telemetry } = mesh(
      Array.from({ length: 100 }, (_, i) => aNode(`n${i}`)),
      clock,
    );
    for (let i = 0; i < 100; i++) {
      telemetry
        .connect(`n${i}`, () => {})
        .report({
          peers: Array.from({ length: 100 }, (_, j) =>
            aPath(`n${j}`, i + j === 1 ? {} : { kind: PathKind.PATH_KIND_UNSPECIFIED }),
          ),
        });
    }
    const { edges, edgesLeftOut } = pictureOf(nodes, telemetry, time);
    expect([edges.length, edgesLeftOut]).toEqual([2_000, 2_950]);
    expect(edges[0]).toMatchObject({ a: 'n0', b: 'n1', kind: 'direct' });
  });
});

describe('the matrix of round trips', () => {
  it('is of those machines that match, by name, at most 60', () => {
    const { nodes, telemetry } = mesh(
      [
        ...Array.from({ length: 80 }, (_, i) => aNode(`n${String(i).padStart(2, '0')}`)),
        aNode('b', { name: 'web-b', tags: ['web'] }),
        aNode('a', { name: 'web-a', tags: ['web'] }),
      ],
      clock,
    );
    telemetry.connect('a', () => {}).report({ peers: [aPath('b', { latency: 3 })] });
    const web = matrixOf(nodes, telemetry, { search: 'WEB', tag: 'web' }, 0);
    expect(web.machines.map(({ name }) => name)).toEqual(['web-a', 'web-b']);
    const cell = { kind: 'direct', latency: 3, isEstimated: false };
    expect(web.cells).toEqual([
      [null, cell],
      [cell, null],
    ]);
    const all = matrixOf(nodes, telemetry, { search: '', tag: '' }, 0);
    expect([all.machines.length, all.cells.length, all.total]).toEqual([60, 60, 82]);
  });
});
