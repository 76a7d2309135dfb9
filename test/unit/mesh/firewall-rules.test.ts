import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firewallRules } from '../../../agent/mesh/firewall-rules.ts';
import { formatIp } from '../../../shared/ip.ts';
import { anyPacket, fewRules, grantedBy, manyRules, WANTED_FIREWALL } from '../../support/filters.ts';
import { linesOfChain, type ReadPacket, readLines } from '../../support/nft-reading.ts';

/** As the chains `incoming` and `judged` end. */
const asked = (map: 'in' | 'out', address: 'saddr' | 'daddr') => [
  ...['ip', 'ip6'].map((ip) => `${ip} ${address} vmap @${map}_${ip}`),
  'counter name denied drop',
];
const answerTo = ({ source, destination, ports, ...rest }: ReadPacket): ReadPacket => ({
  ...rest,
  source: destination,
  destination: source,
  ports: ports && { source: ports.destination, destination: ports.source },
});

describe('the firewall', () => {
  it('without a policy looks at no connection and judges nothing that comes by the mesh', () => {
    expect(firewallRules(WANTED_FIREWALL)).not.toMatch(/\bct\b|chain incoming/);
  });

  it('SEC-36: of any filter and packet says what a plain reading says, and the first rule that grants counts it', () => {
    const packets = fc.array(anyPacket, { minLength: 30, maxLength: 30 });
    const shapes = { lines: 0, lookups: 0, places: 0 };
    fc.assert(
      fc.property(fc.oneof(fewRules, manyRules), packets, (rules, sent) => {
        const table = firewallRules({ ...WANTED_FIREWALL, filter: { rules } });
        if (/\bmap \{/.test(table)) shapes.lookups++;
        else shapes.lines++;
        if (/daddr vmap \{/.test(table)) shapes.places++;
        for (const packet of sent) {
          const position = grantedBy(rules, packet);
          const verdict = position === null ? 'drop' : 'accept';
          const what = `${formatIp(packet.source)} to ${formatIp(packet.destination)}`;
          expect(readLines(table, asked('in', 'saddr'), packet), what).toEqual({
            verdict,
            counted: [position === null ? 'denied' : `rule_${position}`],
          });
          expect(readLines(table, asked('out', 'daddr'), answerTo(packet)).verdict, what).toBe(verdict);
        }
      }),
    );
    for (const [shape, count] of Object.entries(shapes)) expect(count, shape).toBeGreaterThan(5);
  });

  it('of a thousand rules asks a few lines about a packet', () => {
    const rules = Array.from({ length: 1_000 }, (_, i) => ({
      id: `acls[${i}]`,
      sources: ['100.64.0.2/32'],
      destinations: ['100.64.0.1/32', `10.${i % 50}.0.0/16`],
      services: [{ protocol: 6, firstPort: 1_000 + 2 * i, lastPort: 1_000 + 2 * i }],
    }));
    const table = firewallRules({ ...WANTED_FIREWALL, filter: { rules } });
    for (const chain of ['in_ip_0', 'out_ip_0', 'in_ip_to_0', 'out_ip_to_0'])
      expect(linesOfChain(table, chain)?.length, chain).toBeLessThan(4);
  });
});
