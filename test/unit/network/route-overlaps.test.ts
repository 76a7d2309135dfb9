import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OverlapNotices } from '../../../coordinator/network/overlap-notices.ts';
import {
  type CarriedRoute,
  overlapWords,
  type RouteCarrier,
  routeOverlaps,
} from '../../../coordinator/network/route-overlaps.ts';
import { routeTable } from '../../../coordinator/network/route-table.ts';
import { canonicalPrefix, type Prefix, parsePrefix, prefixesOverlap } from '../../../shared/prefix.ts';

/** `PREFIX` or `PREFIX=SITE`, approved unless it begins with a question mark. */
function carrier(
  name: string,
  ...texts: string[]
): RouteCarrier & { online: boolean; preferredRoutes: string[] } {
  const routes = texts.map((text) => text.replace('?', '').split('=')) as [string, string?][];
  return {
    id: `id-${name}`,
    name,
    online: true,
    offers: {
      routes: routes.map(([prefix]) => prefix),
      exitNode: false,
      mappings: routes.flatMap(([prefix, sitePrefix]) =>
        sitePrefix === undefined ? [] : [{ prefix, sitePrefix }],
      ),
    },
    approvedRoutes: routes.filter((_, index) => !texts[index]?.startsWith('?')).map(([prefix]) => prefix),
    preferredRoutes: [],
    exitNodeApproved: false,
  };
}

const noticesOf = (name: string, nodes: RouteCarrier[], mayKnow = (_: string) => true) =>
  new OverlapNotices().noticesFor(`id-${name}`, nodes, mayKnow);

describe('routes that overlap', () => {
  it('are told to the owners of both, who wins being said', () => {
    const nodes = [
      carrier('wide', '10.0.0.0/8'),
      carrier('narrow', '10.1.0.0/16'),
      carrier('six', 'fd10::/64'),
    ];
    expect(noticesOf('wide', nodes)).toEqual([
      '10.0.0.0/8 overlaps 10.1.0.0/16 of narrow, which wins for its part: it is more specific',
    ]);
    expect(noticesOf('narrow', nodes)).toEqual([
      '10.1.0.0/16 overlaps 10.0.0.0/8 of wide, and wins: it is more specific',
    ]);
    expect(noticesOf('six', nodes)).toEqual([]);
  });

  it('do not tell of a node that the policy hides', () => {
    const nodes = [carrier('wide', '10.0.0.0/8'), carrier('narrow', '10.1.0.0/16')];
    expect(noticesOf('wide', nodes, () => false).join()).toContain('of another node');
    expect(noticesOf('wide', nodes, () => false).join()).not.toContain('narrow');
  });

  it('are none while one of them is only advertised, or both are of one node', () => {
    expect(noticesOf('wide', [carrier('wide', '10.0.0.0/8'), carrier('narrow', '?10.1.0.0/16')])).toEqual([]);
    expect(noticesOf('both', [carrier('both', '10.0.0.0/8', '10.1.0.0/16')])).toEqual([]);
  });

  it('are none where two routers carry one network, but are where it is of two sites', () => {
    expect(noticesOf('a', [carrier('a', '10.1.0.0/16'), carrier('b', '10.1.0.0/16')])).toEqual([]);
    const mapped = (name: string, site: string) => carrier(name, `10.201.1.0/24=${site}`);
    expect(noticesOf('a', [mapped('a', '192.168.1.0/24'), mapped('b', '192.168.1.0/24')])).toEqual([]);
    const others = [mapped('a', '192.168.1.0/24'), mapped('b', '192.168.2.0/24')];
    expect(noticesOf('a', others)).toEqual([
      '10.201.1.0/24 is carried by b too, but for another network: hosts use one of the two',
    ]);
  });

  it('of two sites that have the same private range but are mapped apart: none', () => {
    const nodes = [
      carrier('a', '10.201.1.0/24=192.168.1.0/24'),
      carrier('b', '10.201.2.0/24=192.168.1.0/24'),
    ];
    expect(noticesOf('a', nodes)).toEqual([]);
  });

  it('are computed anew when somebody carries something else, and only then', () => {
    const notices = new OverlapNotices();
    const [wide, narrow] = [carrier('wide', '10.0.0.0/8'), carrier('narrow', '10.1.0.0/16')];
    const of = (nodes: RouteCarrier[]) => notices.noticesFor('id-wide', nodes, () => true).length;
    expect(of([wide])).toBe(0);
    notices.replaced(undefined, carrier('plain'));
    expect(of([wide, narrow])).toBe(0);
    notices.replaced(undefined, narrow);
    expect(of([wide, narrow])).toBe(1);
    notices.replaced(narrow, { ...narrow, approvedRoutes: [] });
    expect(of([wide])).toBe(0);
  });

  it('are found as by comparing each with each', () => {
    const prefix = fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 8, max: 16 }), fc.boolean())
      .map(
        ([byte, length, six]) =>
          canonicalPrefix(
            six ? `fd${byte.toString(16).padStart(2, '0')}::/${length}` : `10.${byte}.0.0/${length}`,
          ) as string,
      );
    const route = fc.record({ node: fc.constantFrom('a', 'b', 'c'), route: prefix });
    fc.assert(
      fc.property(fc.array(route, { maxLength: 12 }), (drawn) => {
        const routes: CarriedRoute[] = drawn.map(({ node, route }) => ({
          nodeId: node,
          node,
          route,
          sitePrefix: null,
          approved: true,
        }));
        const found = routeOverlaps(routes);
        for (const one of routes) {
          const expected = routes.filter(
            (other) =>
              other.nodeId !== one.nodeId && other.route !== one.route && meet(one.route, other.route),
          );
          expect((found.get(one) ?? []).map(overlapWords).sort()).toEqual(
            expected.map(({ route, node }) => `overlaps ${route} of ${node}`).sort(),
          );
        }
      }),
    );
  });
});

function meet(a: string, b: string): boolean {
  return prefixesOverlap(parsePrefix(a) as Prefix, parsePrefix(b) as Prefix);
}

describe('the table of routes', () => {
  it('tells kind, approval, who stands in, and what is in conflict, advertised ones too', () => {
    const rows = routeTable([
      carrier('a', '10.1.0.0/16', '?10.1.2.0/24'),
      carrier('b', '10.1.0.0/16'),
      carrier('c', '10.201.1.0/24=192.168.1.0/24', '?10.1.0.0/16'),
    ]);
    expect(
      rows.map(({ route, node, kind, approved, alternatives, overlaps }) => [
        route,
        node,
        kind,
        approved,
        alternatives.join(),
        overlaps.map(overlapWords).join(),
      ]),
    ).toEqual([
      ['10.1.0.0/16', 'a', 'subnet', true, 'b', ''],
      ['10.1.0.0/16', 'b', 'subnet', true, 'a', 'overlaps 10.1.2.0/24 of a'],
      ['10.1.0.0/16', 'c', 'subnet', false, 'a,b', 'overlaps 10.1.2.0/24 of a'],
      ['10.1.2.0/24', 'a', 'subnet', false, '', 'overlaps 10.1.0.0/16 of b,overlaps 10.1.0.0/16 of c'],
      ['10.201.1.0/24', 'c', 'mapped', true, '', ''],
    ]);
  });

  it('tells who is preferred, and who stands in for whom', () => {
    const rows = routeTable([
      carrier('a', '10.1.0.0/16'),
      { ...carrier('b', '10.1.0.0/16', '10.2.0.0/16'), preferredRoutes: ['10.1.0.0/16'] },
      carrier('c', '10.1.0.0/16=192.168.0.0/16'),
    ]);
    expect(
      rows.map(({ route, node, preferred, standsInFor }) => [route, node, preferred, standsInFor]),
    ).toEqual([
      ['10.1.0.0/16', 'a', false, 'b'],
      ['10.1.0.0/16', 'b', true, null],
      ['10.1.0.0/16', 'c', false, null],
      ['10.2.0.0/16', 'b', false, null],
    ]);
  });

  it('shows what was approved and is not advertised now', () => {
    const node = { ...carrier('a'), approvedRoutes: ['10.1.0.0/16'] };
    expect(routeTable([node])).toMatchObject([{ route: '10.1.0.0/16', offered: false, approved: true }]);
  });
});
