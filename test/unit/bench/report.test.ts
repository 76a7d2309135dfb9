import { describe, expect, it } from 'vitest';
import { drawChart } from '../../bench/chart.ts';
import type { Sample } from '../../bench/measure.ts';
import { type Result, ratiosTable, valuesTable } from '../../bench/report.ts';
import { digits, ratios, spread } from '../../bench/statistics.ts';

const sample = (tcp1: number, ping: number): Sample => ({
  ...{ tcp1, ping, tcp4: 1, bidirectional: 1, udp64: 1, udp1300: 1, cpu: 1, rss: 1 },
});
const result = (name: string, rounds: (Sample | null)[]): Result => ({
  ...{ name, rounds, version: '1', ours: name === 'Warren', yardstick: false },
});

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

describe('the report', () => {
  const warren = result('Warren', [sample(2, 0.5), sample(6, 0.5)]);
  const other = result('other', [sample(1, 1), sample(2, 2)]);

  it('turns the ratio round where less is better, so that above 1 is always good for us', () => {
    const cells = ratiosTable(warren, [other]).split('\n')[2]!.split(' | ');
    expect(cells[1]).toBe('**2.50** (2.00–3.00)');
    expect(cells[6]).toBe('**3.00** (2.00–4.00)');
  });

  it('says failed where no round succeeded', () => {
    expect(valuesTable([result('broken', [null, null])])).toContain('| broken | failed |');
  });

  it('draws names with markup in them as text', () => {
    const bars = [{ name: '<b>&"', ours: true, spread: { min: 1, median: 2, max: 3 } }];
    const svg = drawChart([{ title: 't', note: 'n', bars }], 'd');
    expect(svg).toContain('&lt;b&gt;&amp;&quot;');
    expect(svg).not.toContain('<b>');
  });
});
