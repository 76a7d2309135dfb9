import { describe, expect, it } from 'vitest';
import { FAMILIES } from '../../../agent/mesh/nft-words.ts';
import { WAYS } from '../../../agent/mesh/rule-lines.ts';
import { linesOf } from '../../../agent/mesh/rule-lookups.ts';

const [ipv4] = FAMILIES;
const [inward, outward] = WAYS;
const tcp = (port: number) => ({ protocol: 6, firstPort: port, lastPort: port });
const rulesTo = (destinations: string[][], services: (i: number) => ReturnType<typeof tcp>[]) =>
  destinations.map((each, position) => ({
    position,
    rule: { id: 'r', sources: [], destinations: each, services: services(position) },
  }));
const lines = (rules: ReturnType<typeof rulesTo>, way: (typeof WAYS)[number] = inward) => {
  const chains: string[][] = [];
  const own = linesOf(rules, way, ipv4, (each) => `chain_${chains.push([...each]) - 1}`);
  return { own, chains };
};
const OWN = ['100.64.0.1/32', 'fd00::1/128'];

describe('rules', () => {
  it('that are few stay lines, in their order', () => {
    const rules = rulesTo(Array(8).fill(OWN), (i) => [tcp(i + 1)]);
    expect(lines(rules).own).toEqual(
      rules.map(
        (_, i) => `ip daddr 100.64.0.1/32 meta l4proto 6 th dport ${i + 1} counter name rule_${i} accept`,
      ),
    );
  });

  it('that are many are one line for what they lead to, which tells the rule', () => {
    const rules = rulesTo(Array(9).fill(OWN), (i) => (i === 8 ? [] : [tcp(i + 1)]));
    const ports = Array.from({ length: 8 }, (_, i) => `${i + 1} : "rule_${i}"`).join(', ');
    expect(lines(rules)).toEqual({
      own: [
        `ip daddr 100.64.0.1 meta l4proto 6 counter name th dport map { ${ports} } accept`,
        'ip daddr 100.64.0.1 counter name rule_8 accept',
      ],
      chains: [],
    });
    // Of answers nobody counts which rule lets them out: whoever may everything may these too.
    expect(lines(rules, outward).own).toEqual(['ip saddr 100.64.0.1 accept']);
    expect(lines(rules.slice(0, 8).concat(rulesTo([OWN], () => [tcp(99)])), outward).own).toEqual([
      'ip saddr 100.64.0.1 meta l4proto 6 th sport { 1-8, 99 } accept',
    ]);
  });

  it('that lead to many places are found by the place first', () => {
    const rules = rulesTo(
      Array.from({ length: 9 }, (_, i) => [`10.${i}.0.0/16`]),
      (i) => (i === 0 ? [] : [tcp(22)]),
    );
    const { own, chains } = lines(rules);
    expect(own).toEqual([
      `ip daddr vmap { ${rules.map((_, i) => `10.${i}.0.0-10.${i}.255.255 : jump chain_${i}`).join(', ')} }`,
    ]);
    expect(chains[1]).toEqual(['meta l4proto 6 th dport 22 counter name rule_1 accept']);
    expect(lines(rules, outward).own).toEqual([
      'ip saddr 10.0.0.0-10.0.255.255 accept',
      `ip saddr { ${rules
        .slice(1)
        .map((_, i) => `10.${i + 1}.0.0-10.${i + 1}.255.255`)
        .join(', ')} } meta l4proto 6 th sport 22 accept`,
    ]);
  });

  it('to the other family only are none', () => {
    expect(lines(rulesTo(Array(9).fill(['fd00::1/128']), (i) => [tcp(i + 1)])).own).toEqual([]);
  });
});
