import { describe, expect, it } from 'vitest';
import { forwardingBefore, forwardingRules, siteNetworks } from '../../../agent/mesh/forwarding-rules.ts';
import { linesOfChain } from '../../support/nft-reading.ts';

describe('forwarding', () => {
  const wanted = {
    interfaceName: 'warren0',
    overlay: ['100.64.0.0/10', 'fd00::/48'],
    routes: ['192.168.10.0/24'],
    mappings: [],
    connected: ['192.0.2.0/24', 'fd10::/64', '2001:db8:2::/64'],
    isExit: false,
    elsewhere: [],
    siteToSite: false,
    bridges: { all: [] as string[], inner: [] as string[] },
    translatesSources: true,
  };
  const was = { four: '0', six: '1' };

  it('translates sources to networks behind the host, to the whole world at an exit, and where asked not at all', () => {
    expect(linesOfChain(forwardingRules(wanted, was), 'translated')?.slice(1)).toEqual([
      'oifname != "warren0" ip saddr 100.64.0.0/10 ip daddr { 192.168.10.0/24 } masquerade',
    ]);
    expect(linesOfChain(forwardingRules({ ...wanted, isExit: true }, was), 'translated')?.slice(1)).toEqual([
      'oifname != "warren0" ip saddr 100.64.0.0/10 ip daddr != 100.64.0.0/10 masquerade',
      'oifname != "warren0" ip6 saddr fd00::/48 ip6 daddr != fd00::/48 masquerade',
    ]);
    expect(
      linesOfChain(forwardingRules({ ...wanted, translatesSources: false }, was), 'translated'),
    ).toHaveLength(1);
  });

  it('leads into the network that a route stands for, by prefix, of the mesh and of this host itself', () => {
    const mappings = [
      { prefix: '10.201.1.0/24', sitePrefix: '192.168.1.0/24' },
      { prefix: 'fd20:1::/64', sitePrefix: 'fd00:1::/64' },
    ];
    const routes = ['192.168.10.0/24', ...mappings.map(({ prefix }) => prefix)];
    const rules = forwardingRules({ ...wanted, routes, mappings }, was);
    const [four, six] = [
      'ip daddr 10.201.1.0/24 dnat ip prefix to 192.168.1.0/24',
      'ip6 daddr fd20:1::/64 dnat ip6 prefix to fd00:1::/64',
    ];
    expect(linesOfChain(rules, 'mapped')?.slice(1)).toEqual([
      `iifname "warren0" ${four}`,
      `iifname "warren0" ${six}`,
    ]);
    expect(linesOfChain(rules, 'mapped_own')?.slice(1)).toEqual([four, six]);
    // Sources are translated for where packets really go.
    expect(linesOfChain(rules, 'translated')?.slice(1)).toEqual([
      'oifname != "warren0" ip saddr 100.64.0.0/10 ip daddr { 192.168.10.0/24, 192.168.1.0/24 } masquerade',
      'oifname != "warren0" ip6 saddr fd00::/48 ip6 daddr { fd00:1::/64 } masquerade',
    ]);
    expect(linesOfChain(forwardingRules(wanted, was), 'mapped')).toBeUndefined();
  });

  it('of other sites’ hosts too, and has its own hosts known by the mesh’s prefix where they may begin', () => {
    const mappings = [{ prefix: '10.201.1.0/24', sitePrefix: '192.168.1.0/24' }];
    const mapped = { ...wanted, routes: ['10.201.1.0/24'], mappings, elsewhere: ['192.168.20.0/24'] };
    const rules = forwardingRules({ ...mapped, siteToSite: true }, was);
    expect(linesOfChain(rules, 'translated')?.slice(1)).toEqual(
      ['100.64.0.0/10', '192.168.20.0/24'].map(
        (source) => `oifname != "warren0" ip saddr ${source} ip daddr { 192.168.1.0/24 } masquerade`,
      ),
    );
    expect(linesOfChain(rules, 'mapped_sources')?.slice(1)).toEqual([
      'oifname "warren0" ip saddr 192.168.1.0/24 snat ip prefix to 10.201.1.0/24',
    ]);
    expect(linesOfChain(forwardingRules(mapped, was), 'mapped_sources')).toBeUndefined();
    expect(siteNetworks({ approvedRoutes: mapped.routes, mappings })).toEqual(['192.168.1.0/24']);
  });

  it('SEC-36: goes to what was approved, from an exit to the Internet, and nowhere else', () => {
    const out = (changes: object) =>
      linesOfChain(forwardingRules({ ...wanted, ...changes }, was), 'carried')?.slice(4);
    const denied = 'counter name beyond reject with icmpx type admin-prohibited';
    expect(out({})).toEqual(['ip daddr 192.168.10.0/24 accept', denied]);
    expect(out({ routes: [] })).toEqual([denied]);
    const exit = out({ isExit: true }) ?? [];
    expect(exit[0]).toBe('ip daddr 192.168.10.0/24 accept');
    const kept = ['ip daddr 10.0.0.0/8', 'ip daddr 192.0.2.0/24', 'ip6 daddr 2001:db8:2::/64'];
    expect(exit).toEqual(expect.arrayContaining(kept.map((match) => `${match} ${denied}`)));
    expect(exit.slice(-3)).toEqual(['meta nfproto ipv4 accept', 'ip6 daddr 2000::/3 accept', denied]);
  });

  it('SEC-39: keeps what this host did not forward before from being forwarded between its other networks', () => {
    const between = (four: string, six: string, bridges = wanted.bridges) =>
      linesOfChain(forwardingRules({ ...wanted, bridges }, { four, six }), 'between')?.slice(1);
    const mesh = ['iifname "warren0" accept', 'oifname "warren0" accept'];
    const drop = (family: string) => `meta nfproto ${family} counter name between drop`;
    expect(between('0', '0')).toEqual([...mesh, drop('ipv4'), drop('ipv6')]);
    expect(between('1', '0')).toEqual([...mesh, drop('ipv6')]);
    expect(between('1', '1')).toBeUndefined();
    expect(between('0', '1', { all: ['br0', 'docker0'], inner: ['docker0'] })).toEqual([
      ...mesh,
      'iifname { "docker0" } accept',
      'oifname { "docker0" } accept',
      'iifname "br0" oifname "br0" accept',
      drop('ipv4'),
    ]);
  });

  it('keeps how things were before, for whoever comes after a kill', () => {
    expect(forwardingBefore(forwardingRules(wanted, was))).toEqual(was);
    expect(forwardingBefore('')).toBeNull();
  });
});
