import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { routesAround } from '../../../agent/mesh/routes-around.ts';
import { formatIp, type IpBytes } from '../../../shared/ip.ts';
import { type Prefix, parsePrefix, prefixContains, prefixesOverlap } from '../../../shared/prefix.ts';

const host = (address: string, what = 'the coordinator') => ({ address, what });
const prefixes = (cidrs: readonly string[]) => cidrs.map((cidr) => parsePrefix(cidr) as Prefix);

describe('routes that would cut off what the mesh needs', () => {
  it('are taken but for that', () => {
    expect(routesAround(['203.0.113.0/29', '10.0.0.0/8'], [host('203.0.113.5')], [])).toEqual({
      routes: ['203.0.113.0/30', '203.0.113.6/31', '203.0.113.4/32', '10.0.0.0/8'],
      notes: ['203.0.113.0/29 would cut off 203.0.113.5 (the coordinator): routed but for that'],
    });
    const { routes } = routesAround(['2001:db8::/126'], [host('2001:db8::1')], []);
    expect(routes).toEqual(['2001:db8::2/127', '2001:db8::/128']);
  });

  it('are not taken where nothing else is in them', () => {
    expect(routesAround(['203.0.113.5/32'], [host('203.0.113.5')], [])).toEqual({
      routes: [],
      notes: ['203.0.113.5/32 would cut off 203.0.113.5 (the coordinator): not routed'],
    });
  });

  it('are not taken where they would have to be cut to pieces', () => {
    const many = Array.from({ length: 17 }, (_, n) => host(`10.0.${n}.1`, 'an endpoint of b'));
    const { routes, notes } = routesAround(['10.0.0.0/8', '10.1.0.0/16'], many, []);
    expect(routes).toEqual(['10.1.0.0/16']);
    expect(notes).toEqual(['10.0.0.0/8 holds 17 addresses without which there is no mesh: not routed']);
  });

  it('are whole where the address is in a network of this host, which wins for its part', () => {
    const around = (cidr: string) =>
      routesAround([cidr], [host('192.168.1.1', "this host's router")], prefixes(['192.168.1.0/24']));
    expect(around('192.168.0.0/16')).toEqual({ routes: ['192.168.0.0/16'], notes: [] });
    expect(around('192.168.1.0/24').notes).toEqual([]);
  });

  it('in parts are the same addresses but those, each once', () => {
    const address = fc
      .uint8Array({ minLength: 1, maxLength: 1 })
      .map(([last]) => Uint8Array.of(10, 0, 0, (last as number) & 31));
    fc.assert(
      fc.property(fc.array(address, { minLength: 1, maxLength: 6 }), (holes) => {
        const { routes } = routesAround(
          ['10.0.0.0/27'],
          holes.map((bytes) => host(formatIp(bytes))),
          [],
        );
        const parts = prefixes(routes);
        for (let last = 0; last < 32; last++) {
          const bytes: IpBytes = Uint8Array.of(10, 0, 0, last);
          const isHole = holes.some((hole) => hole[3] === last);
          expect(parts.filter((part) => prefixContains(part, bytes))).toHaveLength(isHole ? 0 : 1);
        }
        for (const [index, part] of parts.entries())
          expect(parts.slice(index + 1).some((other) => prefixesOverlap(part, other))).toBe(false);
      }),
    );
  });
});
