import { describe, expect, it } from 'vitest';
import { rulesText } from '../../../agent/cli/rules.ts';
import type { FirewallStatus } from '../../../agent/host/firewall.ts';
import { internet } from '../../../coordinator/network/policy/internet.ts';
import { formatPrefix, parsePrefix } from '../../../shared/prefix.ts';

const NONE = { packets: 0, bytes: 0 };
const OVERLAY = ['100.64.0.0/10', 'fd00:1::/48'].flatMap((cidr) => parsePrefix(cidr) ?? []);
const PUBLIC = internet(OVERLAY).map(formatPrefix);

function linesFor(...destinations: string[][]): string[] {
  const rules = destinations.map((each, at) => ({
    ...NONE,
    id: `acls[${at}]`,
    destinations: each,
    services: [],
  }));
  const status: FirewallStatus = { rules, denied: NONE, foreign: NONE, unasked: NONE };
  return rulesText(status)
    .split('\n')
    .slice(1, 1 + rules.length)
    .map((line) => line.replace(/ {2,}/g, ' | '));
}

describe('agent rules', () => {
  it('what an exit node carries is one word, and its own addresses and networks stand beside it', () => {
    const mixed = ['100.64.0.1/32', ...PUBLIC, '192.168.10.0/24'];
    expect(linesFor(PUBLIC, mixed)).toEqual([
      'acls[0] | the Internet | all | 0 | 0 B',
      'acls[1] | the Internet 100.64.0.1/32 192.168.10.0/24 | all | 0 | 0 B',
    ]);
  });

  it('a part of the public addresses is told as it is', () => {
    const [line] = linesFor(PUBLIC.slice(1));
    expect(line).toContain(PUBLIC[1]);
    expect(line).not.toContain('the Internet');
    const ipv4 = PUBLIC.filter((cidr) => !cidr.includes(':'));
    expect(linesFor(ipv4)[0]).not.toContain('the Internet');
  });
});
