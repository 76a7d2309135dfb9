import { expect, it } from 'vitest';
import { type Range, sweep } from '../../../agent/mesh/sweep.ts';

const swept = (...ranges: [from: number, end: number, owner: number][]) => {
  const told: string[] = [];
  sweep(
    ranges.map(([from, end, owner]): Range<number> => ({ from, end, owner })),
    (from, end, owners) => told.push(`${from}-${end} ${owners}`),
  );
  return told;
};

it.each<[string, [number, number, number][], string[]]>([
  ['nothing', [], []],
  [
    'a gap is nobody’s',
    [
      [1, 3, 0],
      [5, 6, 1],
    ],
    ['1-3 0', '5-6 1'],
  ],
  [
    'what overlaps is of both, in their order',
    [
      [2, 9, 4],
      [1, 5, 7],
    ],
    ['1-2 7', '2-5 4,7', '5-9 4'],
  ],
  [
    'one owner within itself',
    [
      [1, 9, 3],
      [2, 4, 3],
    ],
    ['1-2 3', '2-4 3', '4-9 3'],
  ],
  [
    'one that ends where it begins again',
    [
      [1, 3, 0],
      [3, 5, 0],
    ],
    ['1-3 0', '3-5 0'],
  ],
])('%s', (_what, ranges, expected) => {
  expect(swept(...ranges)).toEqual(expected);
});

it('of large numbers too', () => {
  const told: string[] = [];
  sweep([{ from: 1n << 127n, end: 1n << 128n, owner: 0 }], (from, end) => told.push(`${from}-${end}`));
  expect(told).toEqual([`${1n << 127n}-${1n << 128n}`]);
});
