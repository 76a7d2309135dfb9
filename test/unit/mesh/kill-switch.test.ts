import { describe, expect, it } from 'vitest';
import { killSwitchRules, validMarkBefore, type WantedKillSwitch } from '../../../agent/mesh/kill-switch.ts';
import { outsideFlows } from '../../../agent/mesh/outside-flows.ts';

const flows = outsideFlows({ user: 0, listenPort: 51820, servers: [], gateway: null });
const text = (changes: Partial<WantedKillSwitch> = {}, before: string | null = null) =>
  killSwitchRules(
    {
      interfaceName: 'warren0',
      flows,
      carried: [],
      kept: null,
      keepsResolvers: false,
      inner: [],
      ...changes,
    },
    before,
  );
/** What the chain that packets leave by accepts, line by line. */
const accepted = (rules: string) =>
  (rules.split('chain leaving')[1] as string)
    .split('\n')
    .filter((line) => line.endsWith(' accept'))
    .map((line) => line.trim().replace(/ accept$/, ''));

describe('the kill switch', () => {
  it('lets out the tunnel, the agent and what a link needs', () => {
    expect(accepted(text())).toEqual([
      'oifname { "lo", "warren0", "seg-*" }',
      'meta mark & 16711680 == 8847360',
      'meta skuid 0 udp sport 51820',
      'meta nfproto ipv4 udp sport 68 udp dport 67',
      'meta nfproto ipv6 udp sport 546 udp dport 547',
      expect.stringMatching(/^icmpv6 type/),
      'meta l4proto 2',
    ]);
  });

  it('drops and counts whatever is left', () => {
    expect(text()).toMatch(/counter name blocked drop\n {2}\}\n\}\n$/);
  });

  it('with local networks kept, resolvers in them are not', () => {
    const lines = text({ kept: ['192.168.7.0/24', 'fd12::/64'] })
      .split('\n')
      .map((line) => line.trim());
    expect(lines).toEqual(
      expect.arrayContaining(['ip daddr 192.168.7.0/24 accept', 'ip6 daddr fd12::/64 accept']),
    );
    const resolvers = 'meta l4proto { tcp, udp } th dport { 53, 853 } counter name blocked drop';
    expect(lines.indexOf(resolvers)).toBeLessThan(lines.indexOf('ip daddr 192.168.7.0/24 accept'));
    expect(lines).toContain(resolvers);
    expect(text({ kept: ['192.168.7.0/24'], keepsResolvers: true })).not.toContain(resolvers);
  });

  it('of a router, the mesh asks the resolvers behind it, and its own programs do not', () => {
    const lines = text({ carried: ['192.168.7.0/24'] })
      .split('\n')
      .map((line) => line.trim());
    const resolvers = 'meta l4proto { tcp, udp } th dport { 53, 853 } counter name blocked drop';
    const order = [
      'iifname "warren0" ip daddr 192.168.7.0/24 accept',
      resolvers,
      'ip daddr 192.168.7.0/24 accept',
    ];
    expect(lines.filter((line) => order.includes(line))).toEqual(order);
  });

  it.each([null, '0', '1'])('keeps in itself what the kernel’s setting was before: %s', (before) => {
    expect(validMarkBefore(text({}, before))).toBe(before);
    expect(validMarkBefore('')).toBeUndefined();
  });
});
