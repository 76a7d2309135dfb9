import { describe, expect, it } from 'vitest';
import { firewallRules } from '../../../agent/mesh/firewall-rules.ts';
import { WANTED_FIREWALL } from '../../support/filters.ts';
import { linesOfChain } from '../../support/nft-reading.ts';

describe('the borders of a host’s side of the mesh', () => {
  it('let nothing with an overlay address in but by the tunnel', () => {
    const script = firewallRules(WANTED_FIREWALL);
    expect(script).not.toMatch(/\bct\b|chain incoming/);
    expect(linesOfChain(script, 'sources')).toEqual([
      'type filter hook prerouting priority raw; policy accept;',
      'iifname { "lo", "warren0" } accept',
      'ip saddr 100.64.0.0/10 counter name foreign drop',
      'ip6 saddr fd00::/48 counter name foreign drop',
    ]);
    expect(linesOfChain(script, 'own')).toContain('oifname "warren0" udp sport 51820 drop');
  });

  it('of a host that carries let answers in, and nobody else', () => {
    for (const name of ['destinations', 'forwarded'])
      expect(linesOfChain(firewallRules({ ...WANTED_FIREWALL, carries: true }), name)).toContain(
        'ct state established,related accept',
      );
  });

  it('of the gateway of devices let those and the mesh meet, and the mesh out unless it carries no networks', () => {
    const transit = { devices: ['100.64.0.9/32', 'fd00::9/128'], own: [], towards: [], except: [] };
    const forwarded = (carries: boolean) =>
      linesOfChain(firewallRules({ ...WANTED_FIREWALL, transit, carries }), 'forwarded')?.slice(1, 6);
    const within = 'iifname "warren0" oifname "warren0"';
    const between = [
      `${within} ip saddr { 100.64.0.9/32 } accept`,
      `${within} ip daddr { 100.64.0.9/32 } accept`,
      `${within} ip6 saddr { fd00::9/128 } accept`,
      `${within} ip6 daddr { fd00::9/128 } accept`,
    ];
    expect(forwarded(false)).toEqual([
      ...between,
      'iifname "warren0" oifname != "warren0" counter name unasked drop',
    ]);
    expect(forwarded(true)).toEqual([...between, 'oifname != "warren0" accept']);
  });

  it('of a host with an exit node let its containers to the Internet by it, and not into the mesh', () => {
    const containers = { bridges: ['docker0'], mesh: ['100.64.0.0/10', 'fd00::/48'] };
    expect(linesOfChain(firewallRules({ ...WANTED_FIREWALL, containers }), 'forwarded')?.slice(1)).toEqual([
      'oifname != "warren0" accept',
      'iifname { "docker0" } oifname "warren0" ip daddr 100.64.0.0/10 counter name unasked drop',
      'iifname { "docker0" } oifname "warren0" ip6 daddr fd00::/48 counter name unasked drop',
      'iifname { "docker0" } oifname "warren0" accept',
      'counter name unasked drop',
    ]);
    expect(firewallRules({ ...WANTED_FIREWALL, containers: { ...containers, bridges: [] } })).toBe(
      firewallRules(WANTED_FIREWALL),
    );
  });

  it('SEC-39: let hosts of its sites begin flows into the mesh where it is asked to, and nobody else', () => {
    const begin = 'iifname != "warren0" oifname "warren0" ip saddr 192.168.10.0/24 accept';
    const forwarded = (sites: string[]) =>
      linesOfChain(firewallRules({ ...WANTED_FIREWALL, carries: true, sites }), 'forwarded');
    expect(forwarded(['192.168.10.0/24'])?.slice(-2)).toEqual([begin, 'counter name unasked drop']);
    expect(forwarded([])).not.toContain(begin);
  });
});
