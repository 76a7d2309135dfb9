import { describe, expect, it } from 'vitest';
import { readOptions } from '../../bench/options.ts';

describe("the benchmark's command line", () => {
  it.each([
    ['', { compare: true, scale: true, heap: true }, 'docs'],
    ['--rounds 7', { compare: true, scale: true, heap: true }, 'docs'],
    ['--quick', { compare: true, scale: false, heap: false }, null],
    ['--only nebula', { compare: true, scale: false, heap: false }, null],
    ['--scale', { compare: false, scale: true, heap: false }, null],
    ['--quick --heap --scale', { compare: false, scale: true, heap: true }, null],
    ['--policy', { compare: false, policy: true, relay: false }, null],
    ['--relay --into docs', { compare: false, relay: true, policy: false }, 'docs'],
    ['--heap --to x', { compare: false, scale: false, heap: true }, 'x'],
  ])('"%s" makes %j and writes to %s', (line, parts, folder) => {
    expect(readOptions(line.split(' ').filter(Boolean))).toMatchObject({ parts, folder });
  });

  it.each(['--rounds 0', '--rounds 1.5', '--rounds x', '--fast', 'scale'])('"%s" is refused', (line) => {
    expect(() => readOptions(line.split(' '))).toThrow();
  });
});
