import { describe, expect, it } from 'vitest';
import { ownEndpoints, reachableEndpoints } from '../../../agent/mesh/own-endpoints.ts';

const OVERLAY = ['100.64.0.0/10', 'fd00::/48'];

describe("an agent's own endpoints", () => {
  it("are its interfaces' addresses, then what the coordinator saw, with the tunnel's port", () => {
    expect(ownEndpoints(['192.0.2.1', '2001:db8::1'], '198.51.100.7', 5000, OVERLAY, null, [])).toEqual([
      '192.0.2.1:5000',
      '[2001:db8::1]:5000',
      '198.51.100.7:5000',
    ]);
  });

  it.each(['127.0.0.1', '127.8.8.8', '::1', '100.64.3.2', 'fd00::7', 'unknown', ''])(
    'SEC-35: %j is none, of an interface or seen',
    (address) => {
      expect(ownEndpoints([address], '', 5000, OVERLAY, null, [])).toEqual([]);
      expect(ownEndpoints([], address, 5000, OVERLAY, null, [])).toEqual([]);
    },
  );

  it('come once each, and are none before there is a port', () => {
    expect(ownEndpoints(['192.0.2.1', '192.0.2.1'], '192.0.2.1', 5000, OVERLAY, null, [])).toEqual([
      '192.0.2.1:5000',
    ]);
    expect(ownEndpoints(['192.0.2.1'], '', 0, OVERLAY, null, [])).toEqual([]);
  });

  it('are bounded, however many addresses the host has, and what the coordinator saw is among them', () => {
    const many = Array.from({ length: 200 }, (_, index) => `10.0.0.${index}`);
    const endpoints = ownEndpoints(many, '198.51.100.7', 5000, OVERLAY, null, []);
    expect(endpoints).toHaveLength(16);
    expect(endpoints).toContain('198.51.100.7:5000');
  });

  it('the mapped port of the gateway is one of them', () => {
    expect(ownEndpoints(['192.168.1.2'], '203.0.113.1', 5000, OVERLAY, '203.0.113.1:40000', [])).toEqual([
      '192.168.1.2:5000',
      '203.0.113.1:40000',
      '203.0.113.1:5000',
    ]);
  });

  it('what STUN servers see stands in the place of a guess', () => {
    expect(ownEndpoints(['192.168.1.2'], '203.0.113.1', 5000, OVERLAY, null, ['203.0.113.1:61000'])).toEqual([
      '192.168.1.2:5000',
      '203.0.113.1:61000',
    ]);
  });

  it('what the user gave is told before what was found out, and is not lost among many', () => {
    const given = ['203.0.113.9:5000', '[2001:db8::9]:5000'];
    const reflexive = ['203.0.113.1:61000'];
    expect(ownEndpoints(['192.168.1.2'], '', 5000, OVERLAY, null, reflexive, given)).toEqual([
      '192.168.1.2:5000',
      ...given,
      ...reflexive,
    ]);
    const many = Array.from({ length: 200 }, (_, index) => `10.0.0.${index}`);
    const endpoints = ownEndpoints(many, '', 5000, OVERLAY, null, reflexive, given);
    expect(endpoints).toHaveLength(16);
    expect(endpoints.slice(-3)).toEqual([...given, ...reflexive]);
  });
});

describe('endpoints at which any host can begin', () => {
  it.each<[string, string[], string[], string[]]>([
    [
      'public addresses, IPv4 first',
      ['2001:db8::1', '203.0.113.1'],
      [],
      ['203.0.113.1:5000', '[2001:db8::1]:5000'],
    ],
    [
      'what the user gave before them',
      ['203.0.113.1'],
      ['198.51.100.1:9'],
      ['198.51.100.1:9', '203.0.113.1:5000'],
    ],
    [
      'none of a site, of a carrier, or of the overlay',
      ['192.168.1.2', '10.0.0.1', '100.70.0.1', '100.64.0.9'],
      [],
      [],
    ],
    ['no IPv6 of a host that is behind a NAT in IPv4', ['192.168.1.2', '2001:db8::1'], [], []],
    ['IPv6 of a host that has nothing else', ['2001:db8::1', 'fd77::1'], [], ['[2001:db8::1]:5000']],
    ['of a host behind a NAT what the user gave', ['192.168.1.2'], ['198.51.100.1:9'], ['198.51.100.1:9']],
  ])('%s', (_what, addresses, configured, expected) => {
    expect(reachableEndpoints(addresses, 5000, OVERLAY, configured)).toEqual(expected);
  });
});
