import { describe, expect, it } from 'vitest';
import { keptCounts } from '../../../agent/mesh/firewall-counters.ts';
import { firewallRules } from '../../../agent/mesh/firewall-rules.ts';
import { RULES, WANTED_FIREWALL } from '../../support/filters.ts';

describe('counters of the firewall', () => {
  const count = { packets: 7, bytes: 700 };

  it('begin with what is given, and with nothing otherwise', () => {
    const script = firewallRules(
      { ...WANTED_FIREWALL, filter: { rules: RULES } },
      new Map([
        ['rule_1', count],
        ['denied', count],
      ]),
    );
    expect(script).toContain('counter rule_0 { }');
    expect(script).toContain('counter rule_1 { packets 7 bytes 700 }');
    expect(script).toContain('counter denied { packets 7 bytes 700 }');
  });

  it('go on by the rule, wherever it stands and whoever its sources are, and end with it', () => {
    const [ssh, all] = RULES as [(typeof RULES)[0], (typeof RULES)[0]];
    const counts = new Map([
      ['rule_0', count],
      ['rule_1', { packets: 1, bytes: 1 }],
      ['foreign', count],
      ['denied', count],
    ]);
    const moved = { ...all, sources: ['100.64.0.9/32'] };
    const other = { ...ssh, services: [{ protocol: 6, firstPort: 23, lastPort: 23 }] };
    expect(keptCounts(counts, { rules: RULES }, { rules: [moved, other] })).toEqual(
      new Map([
        ['foreign', count],
        ['denied', count],
        ['rule_0', { packets: 1, bytes: 1 }],
      ]),
    );
    expect(keptCounts(counts, { rules: RULES }, undefined)).toEqual(new Map([['foreign', count]]));
  });
});
