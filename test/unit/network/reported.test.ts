import { describe, expect, it } from 'vitest';
import { checkEndpoints, MAX_ENDPOINTS } from '../../../coordinator/network/endpoints.ts';
import { tokenRefusal } from '../../../coordinator/network/joining.ts';
import { checkOffers, MAX_ROUTES, MAX_TAGS } from '../../../coordinator/network/offers.ts';
import { type Prefix, parsePrefix } from '../../../shared/prefix.ts';

const OVERLAY = ['100.64.0.0/10', 'fd12:3456:789a::/48'].map((text) => parsePrefix(text) as Prefix);

describe('endpoints that a node reports', () => {
  it.each(['192.0.2.1:51820', '10.0.0.1:1', '[2001:db8::1]:65535', '[fd99::1]:51820'])(
    '%s is kept',
    (endpoint) => expect(checkEndpoints([endpoint], OVERLAY)).toEqual([endpoint]),
  );

  it.each([
    '127.0.0.1:51820',
    '[::1]:51820',
    '0.0.0.0:51820',
    '[::]:51820',
    '224.0.0.251:5353',
    '255.255.255.255:67',
    '[ff02::1]:51820',
    '169.254.169.254:80',
    '[fe80::1]:51820',
    '[fe80::1%eth0]:51820',
    '[::ffff:127.0.0.1]:51820',
    '100.64.0.7:51820',
    '[fd12:3456:789a::7]:51820',
    '192.0.2.1:0',
    '192.0.2.1',
    'example.com:51820',
    '',
  ])('SEC-35: %j is not passed on', (endpoint) => expect(checkEndpoints([endpoint], OVERLAY)).toEqual([]));

  it('SEC-35: are canonical, each once, the first ones, and few', () => {
    expect(checkEndpoints(['[2001:DB8:0::1]:7', '[2001:db8::1]:7'], OVERLAY)).toEqual(['[2001:db8::1]:7']);
    const many = Array.from({ length: 10_000 }, (_, i) => `192.0.2.1:${i + 1}`);
    expect(checkEndpoints(many, OVERLAY)).toEqual(many.slice(0, MAX_ENDPOINTS));
    expect(checkEndpoints([...Array(10_000).fill('127.0.0.1:1'), '192.0.2.1:1'], OVERLAY)).toEqual([]);
  });
});

describe('offers of a node', () => {
  const check = (routes: string[], tags: string[] = []) =>
    checkOffers({ routes, exitNode: false, tags }, OVERLAY);

  it('are kept sorted, each once', () => {
    const { offers, refused } = check(['10.2.0.0/16', '10.1.0.0/16', '10.2.0.0/16'], ['b', 'tag:a', 'b']);
    expect(offers).toEqual({
      routes: ['10.1.0.0/16', '10.2.0.0/16'],
      exitNode: false,
      tags: ['a', 'b'],
      mappings: [],
    });
    expect(refused).toEqual([]);
  });

  it.each([
    ['0.0.0.0/0', 'exit node'],
    ['::/0', 'exit node'],
    ['10.1.2.3/16', 'canonical'],
    ['10.0.0.0', 'canonical'],
    ['100.64.0.0/16', 'overlay'],
    ['100.0.0.0/8', 'overlay'],
    ['fd12:3456:789a:1::/64', 'overlay'],
    ['127.0.0.0/8', 'loopback'],
    ['128.0.0.0/1', 'multicast'],
    ['fe80::/64', 'link-local'],
    ['-x', 'not a CIDR'],
  ])('the route %s is refused: %s', (route, why) => {
    const { offers, refused } = check([route]);
    expect(offers.routes).toEqual([]);
    expect(refused).toHaveLength(1);
    expect(refused[0]).toContain(why);
  });

  it('are few, and what is said of the refused ones is short', () => {
    const routes = Array.from({ length: 5_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    const { offers, refused } = check(
      routes,
      Array.from({ length: 5_000 }, (_, i) => `T${i}${'x'.repeat(999)}`),
    );
    expect(offers.routes).toHaveLength(MAX_ROUTES);
    expect(offers.tags).toEqual([]);
    expect(refused.length).toBeLessThanOrEqual(MAX_TAGS);
    expect(refused.join('').length).toBeLessThan(3_000);
  });
});

describe('a route that stands for another network', () => {
  const check = (...mapped: [prefix: string, sitePrefix: string][]) =>
    checkOffers(
      {
        routes: mapped.map(([prefix]) => prefix),
        exitNode: false,
        tags: [],
        mappings: mapped.map(([prefix, sitePrefix]) => ({ prefix, sitePrefix })),
      },
      OVERLAY,
    );

  it('is taken in both families, by prefix, and never without its mapping', () => {
    const { offers, refused } = check(
      ['fd20:1::/64', 'fd00:1::/64'],
      ['10.201.1.0/24', '192.168.1.0/24'],
      ['10.201.2.7/32', '192.168.2.7/32'],
    );
    expect(offers.routes).toEqual(['10.201.1.0/24', '10.201.2.7/32', 'fd20:1::/64']);
    expect(offers.mappings.map(({ sitePrefix }) => sitePrefix)).toEqual([
      '192.168.1.0/24',
      '192.168.2.7/32',
      'fd00:1::/64',
    ]);
    expect(refused).toEqual([]);
  });

  it.each([
    ['192.168.1.0/25', 'not of the same size'],
    ['fd00::/24', 'not of the same size'],
    ['192.168.1.1/24', 'not a canonical CIDR'],
    ['--', 'not a canonical CIDR'],
    ['100.64.1.0/24', 'overlaps the overlay'],
    ['169.254.1.0/24', 'link-local'],
  ])('is refused whole for %s: %s', (sitePrefix, why) => {
    const { offers, refused } = check(['10.201.1.0/24', sitePrefix]);
    expect(offers).toMatchObject({ routes: [], mappings: [] });
    expect(refused).toHaveLength(1);
    expect(refused[0]).toContain(why);
  });

  it('is refused for a network that another one stands for already: answers could not be told apart', () => {
    const { offers, refused } = check(
      ['10.201.1.0/24', '192.168.1.0/24'],
      ['10.201.2.0/24', '192.168.1.0/24'],
    );
    expect(offers.routes).toEqual(['10.201.1.0/24']);
    expect(refused.join()).toContain('192.168.1.0/24 overlaps 192.168.1.0/24, which is 10.201.1.0/24');
  });
});

describe('a token', () => {
  const token = {
    maxUses: 1 as number | null,
    uses: 0,
    expiresAt: 100,
    revokedAt: null,
    purpose: 'node' as const,
  };
  it.each([
    ['fresh', token, 99, null],
    ['at its end', token, 100, 'expired token'],
    ['used', { ...token, uses: 1 }, 0, 'used token'],
    ['reusable and used', { ...token, uses: 9, maxUses: null }, 0, null],
    ['for three and used twice', { ...token, uses: 2, maxUses: 3 }, 0, null],
    ['for three and used up', { ...token, uses: 3, maxUses: 3 }, 0, 'used token'],
    ['revoked', { ...token, revokedAt: 1, maxUses: null }, 0, 'revoked token'],
    ['for a relay', { ...token, purpose: 'relay' as const }, 0, 'token for another purpose'],
    ['unknown', undefined, 0, 'unknown token'],
  ])('%s', (_, state, now, refusal) => expect(tokenRefusal(state, now, 'node')).toBe(refusal));
});
