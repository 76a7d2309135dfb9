import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../../coordinator/network/policy/parse.ts';
import { drawBarChart } from '../../bench/bar-chart.ts';
import { bars } from '../../bench/bars.ts';
import { type Filtered, rulesFor } from '../../bench/filtered.ts';
import { filteredTable, policyCostTable } from '../../bench/filtered-tables.ts';
import { drawLineChart, roundTicks } from '../../bench/line-chart.ts';
import type { Sample } from '../../bench/measure.ts';
import { page } from '../../bench/page.ts';
import { type Results, type Row, withParts } from '../../bench/results.ts';
import { digits, ratios, spread } from '../../bench/statistics.ts';
import { ratiosTable, relayedTable, valuesTable } from '../../bench/tables.ts';

const sample = (values: Partial<Sample>): Sample => ({
  ...{ tcp1: 1, tcp4: 1, bidirectional: 1, udp64: 1, udp1300: 1, ping: 1, cpu: 1, rss: 1 },
  ...values,
});
const row = (name: string, rounds: (Sample | null)[]): Row => ({ name, rounds, kind: 'peer' });

/** Results of a comparison alone; the names tell the kinds. */
function results(samples: Record<string, (Sample | null)[]>): Results {
  const kindOf = (name: string) =>
    name.startsWith('Warren') ? 'ours' : name === 'no VPN' ? 'yardstick' : 'peer';
  return {
    machine: { date: '2030-01-01', processors: 2, processor: 'P', gigabytes: 1, system: 'S', kernel: 'K' },
    contenders: Object.keys(samples).map((name) => ({ name, version: '1', kind: kindOf(name) })),
    ...{ ours: 'Warren', reference: 'wireguard-go', leftOut: [{ name: 'tinc', reason: 'no program' }] },
    comparison: { rounds: 1, durations: { tcp: 1, udp: 1, pings: 1 }, samples },
    ...{ scale: null, heap: null, relayed: null, filtered: null, apart: {}, failures: [], loads: [1] },
  };
}

describe("the benchmark's arithmetic", () => {
  it.each([
    [[3], { min: 3, median: 3, max: 3 }],
    [[10, 1, 2], { min: 1, median: 2, max: 10 }],
    [[4, 1, 2, 10], { min: 1, median: 3, max: 10 }],
  ])('the spread of %j is %j', (values, expected) => expect(spread(values)).toEqual(expected));

  it('ratios are made within a round, and a round that failed on either side makes none', () => {
    expect(ratios([2, 9, null, 4], [1, 3, 5, null])).toEqual([2, 3]);
  });

  it.each([
    [1234.5, '1235'],
    [12.345, '12.3'],
    [1.2345, '1.23'],
    [0.012345, '0.012'],
    [0, '0'],
  ])('%f is written as %s', (value, expected) => expect(digits(value)).toBe(expected));
});

describe('the bars', () => {
  const bar = (samples: Record<string, (Sample | null)[]>, title: string) =>
    bars(results(samples)).find((one) => one.title === title);

  it('of packets a second is held against whoever was the best peer in this run', () => {
    const samples = {
      Warren: [sample({ udp64: 30 })],
      'wireguard-go': [sample({ udp64: 10 })],
      nebula: [sample({ udp64: 20 })],
      'Warren (portable driver)': [sample({ udp64: 99 })],
      'no VPN': [sample({ udp64: 999 })],
    };
    expect(bar(samples, 'UDP, 64 bytes')).toMatchObject({ against: 'nebula', met: true, margin: 0 });
    samples.nebula = [sample({ udp64: 5 })];
    expect(bar(samples, 'UDP, 64 bytes')).toMatchObject({ against: 'wireguard-go', met: true });
  });

  it('is met by the median of the quotients made within rounds, not by the quotient of medians', () => {
    const samples = {
      Warren: [sample({ tcp1: 1 }), sample({ tcp1: 10 }), sample({ tcp1: 12 })],
      'wireguard-go': [sample({ tcp1: 2 }), sample({ tcp1: 10 }), sample({ tcp1: 3 })],
    };
    expect(bar(samples, 'TCP, 1 stream')).toMatchObject({ met: false, measured: { median: 1, max: 4 } });
  });

  it('turns the other way where less is better, and tells the distance', () => {
    const samples = { Warren: [sample({ cpu: 0.45 })], 'wireguard-go': [sample({ cpu: 1 })] };
    expect(bar(samples, 'CPU of both daemons')).toMatchObject({ met: true, aimMet: true, margin: 0.5 });
    samples.Warren = [sample({ cpu: 1.8 })];
    expect(bar(samples, 'CPU of both daemons')).toMatchObject({ met: false, aimMet: false, margin: 1 });
  });

  it('of memory needs nobody to compare with', () => {
    expect(bar({ Warren: [sample({ rss: 101 })] }, 'memory with full load')).toMatchObject({
      ...{ against: null, met: false },
    });
  });
});

describe('the report', () => {
  it('turns the ratio round where less is better, so that above 1 is always good for us', () => {
    const ours = row('Warren', [sample({ tcp1: 2, ping: 0.5 }), sample({ tcp1: 6, ping: 0.5 })]);
    const other = row('other', [sample({ tcp1: 1, ping: 1 }), sample({ tcp1: 2, ping: 2 })]);
    const cells = ratiosTable(ours, [other]).split('\n')[2]!.split(' | ');
    expect(cells[1]).toBe('**2.50** (2.00–3.00)');
    expect(cells[6]).toBe('**3.00** (2.00–4.00)');
  });

  it('says failed where no round succeeded', () => {
    expect(valuesTable([row('broken', [null, null])])).toContain('| broken | failed |');
  });

  it('holds the direct path against the relay, above 1 where it is better', () => {
    const sample = { tcp: 3, cpu: 4, udp1300: 100, ping: 0.1 };
    const relayed = {
      ...{ rounds: 2, seconds: 1, pings: 1 },
      samples: {
        direct: [sample, sample],
        relay: [{ tcp: 1, cpu: 12, udp1300: 10, ping: 0.4 }, null],
      },
    };
    const [, , , , last] = relayedTable(relayed).split('\n');
    expect(last).toBe('| direct is better | 3.00 × | 10.0 × | 4.00 × | 3.00 × |');
    expect(page({ ...results({}), relayed })).toContain('## By relay');
  });

  it('holds rules against none, above 1 where it is better, and tells maps in KiB', () => {
    const none = { tcp: 4, cpu: 4, udp64: 100, ping: 0.1 };
    const cost = {
      compile: 30,
      snapshotBytes: 2048,
      largestSnapshotBytes: 4096,
      filterBytes: 1024,
      peers: 12,
    };
    const filtered: Filtered = {
      ...{ rounds: 1, seconds: 1, pings: 1, network: { nodes: 10_000, rules: 500 } },
      samples: {
        'no policy': [none],
        '1,000 rules': [{ ...none, tcp: 3, ping: 0.2 }],
        '1,000 rules, one source': [null],
      },
      costs: { 'all rules': [cost], 'one rule': [cost] },
    };
    const lines = filteredTable(filtered).split('\n');
    expect(lines[4]).toBe('| 1,000 rules: of none | 0.750 × | 1.00 × | 1.00 × | 0.500 × |');
    expect(lines[5]).toBe('| 1,000 rules, one source | failed | failed | failed | failed |');
    expect(policyCostTable(filtered).split('\n')[2]).toBe('| 500 rules | 30.0 | 12.0 | 2.00 | 4.00 | 1.00 |');
    expect(page({ ...results({}), filtered })).toContain('## Under a policy');
  });

  it('the rules of the benchmark are in order, as many as it says, and let the load through last', () => {
    for (const kind of ['1,000 rules', '1,000 rules, one source'] as const) {
      const { document, problems } = parsePolicy(rulesFor(kind, '100.64.0.1'));
      expect(problems).toEqual([]);
      expect(document?.rules).toHaveLength(1_000);
    }
  });

  it('puts parts that a later run made into the page of an earlier one, and says so', () => {
    const earlier = results({ Warren: [sample({ tcp1: 7 })] });
    const relayed = { rounds: 1, seconds: 1, pings: 1, samples: { direct: [null], relay: [null] } };
    const later = { ...results({}), comparison: null, relayed };
    const both = withParts(earlier, later, '0.2.0 abc');
    expect(both.comparison).toBe(earlier.comparison);
    expect(page(both)).toContain('Measured apart from the rest, on 2030-01-01 with 0.2.0 abc.');
    expect(page(both)).toContain('## By relay');
    expect(page(earlier)).not.toContain('apart from the rest');
  });

  it('says on the page who is left out, and why', () => {
    expect(page(results({ Warren: [sample({})] }))).toContain('- Left out: tinc, for no program.');
  });

  it('draws names with markup in them as text', () => {
    const bar = { name: '<b>&"', ours: true, spread: { min: 1, median: 2, max: 3 } };
    const svg = drawBarChart([{ title: 't', note: 'n', bars: [bar] }], 'd');
    expect(svg).toContain('&lt;b&gt;&amp;&quot;');
    expect(svg).not.toContain('<b>');
  });

  it.each([
    [0, [0, 1]],
    [3.1, [0, 1, 2, 3, 4]],
    [400, [0, 100, 200, 300, 400]],
    [0.07, [0, 0.02, 0.04, 0.06, 0.08]],
  ])('an axis that must reach %f has the ticks %j', (most, ticks) => expect(roundTicks(most)).toEqual(ticks));

  it('leaves a step out of the line where every round failed', () => {
    const point = { min: 1, median: 2, max: 3 };
    const line = { name: 'l', ours: true, points: [point, null, point] };
    const panel = { title: 't', note: 'n', axis: 'a', steps: ['1', '2', '3'], lines: [line] };
    expect(drawLineChart([panel], 'd').match(/<circle class="our-dot"[^>]*r="3.5"/g)).toHaveLength(2);
  });
});
