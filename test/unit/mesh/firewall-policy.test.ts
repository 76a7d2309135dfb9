import { describe, expect, it } from 'vitest';
import { firewallRules, type WantedFirewall } from '../../../agent/mesh/firewall-rules.ts';
import { RULES, WANTED_FIREWALL } from '../../support/filters.ts';
import { linesOfChain } from '../../support/nft-reading.ts';

const withRules = (changes: Partial<WantedFirewall> = {}) =>
  firewallRules({ ...WANTED_FIREWALL, filter: { rules: RULES }, ...changes });

describe('what a policy makes of the firewall', () => {
  it('asks the rules of a source alone, and its answers by the same', () => {
    const script = withRules();
    expect(script).toContain(`    elements = {
      100.64.0.0-100.64.0.1 : goto in_ip_0,
      100.64.0.2 : goto in_ip_1,
      100.64.0.3-100.64.0.255 : goto in_ip_0
    }`);
    expect(linesOfChain(script, 'in_ip_0')).toEqual([
      'ip daddr 100.64.0.1/32 counter name rule_1 accept',
      'counter name denied drop',
    ]);
    expect(linesOfChain(script, 'in_ip_1')).toEqual([
      'ip daddr 100.64.0.1/32 meta l4proto 6 th dport 22 counter name rule_0 accept',
      'ip daddr 100.64.0.1/32 counter name rule_1 accept',
      'counter name denied drop',
    ]);
    expect(linesOfChain(script, 'out_ip_1')).toEqual([
      'ip saddr 100.64.0.1/32 meta l4proto 6 th sport 22 accept',
      'ip saddr 100.64.0.1/32 accept',
      'counter name denied drop',
    ]);
    expect(linesOfChain(script, 'in_ip6_0')).toEqual([
      'ip6 daddr fd00::1/128 counter name rule_1 accept',
      'counter name denied drop',
    ]);
  });

  it('with a policy that grants nothing denies everything', () => {
    const script = withRules({ filter: { rules: [] } });
    expect(script).not.toContain('elements');
    expect(linesOfChain(script, 'incoming')?.slice(-3)).toEqual([
      'ip saddr vmap @in_ip',
      'ip6 saddr vmap @in_ip6',
      'counter name denied drop',
    ]);
  });

  it('lets broadcasts in from who may send anything, and the ports that others guard', () => {
    expect(linesOfChain(withRules({ multicast: true }), 'in_ip_0')).toContain(
      'ip daddr 255.255.255.255 accept',
    );
    expect(linesOfChain(withRules({ openPorts: [14789] }), 'incoming')).toContain(
      'udp dport { 14789 } accept',
    );
  });

  describe('at the gateway of devices', () => {
    const transit = {
      devices: ['100.64.0.9/32', 'fd00::9/128'],
      own: ['100.64.0.1/32'],
      towards: ['100.64.0.0/10', '10.0.0.0/8'],
      except: ['100.64.0.1/32', '100.64.0.9/32', 'fd00::9/128'],
    };

    it('judges for itself, for them and for what it carries, and leaves the rest to the others', () => {
      const script = withRules({ transit, devices: transit.devices });
      expect(linesOfChain(script, 'transit')).toEqual([
        'ip daddr 100.64.0.1/32 meta l4proto { tcp, udp } th dport 53 accept',
        'ip daddr 100.64.0.1/32 return',
        'ip daddr 100.64.0.9/32 return',
        'ip6 daddr fd00::9/128 return',
        'ip daddr 100.64.0.0/10 accept',
        'ip daddr 10.0.0.0/8 accept',
      ]);
      const incoming = linesOfChain(script, 'incoming') as string[];
      const at = incoming.indexOf('ip saddr { 100.64.0.9/32 } jump transit');
      expect(at).toBeGreaterThan(0);
      expect(incoming.indexOf('ip saddr vmap @in_ip')).toBeGreaterThan(at);
    });

    it('judges what it sends to them itself, as they do not', () => {
      expect(linesOfChain(withRules({ devices: ['100.64.0.9/32'] }), 'sent')?.slice(1)).toEqual([
        'oifname != "warren0" accept',
        'ip daddr 100.64.0.9/32 goto to_device',
      ]);
      expect(withRules()).not.toMatch(/to_device|transit/);
    });
  });
});
