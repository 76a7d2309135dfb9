import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dnsLabel, freeLabel, isDnsLabel, numberedLabel } from '../../../coordinator/network/names.ts';

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

describe('a name made DNS-safe', () => {
  it.each([
    ['web', 'web'],
    ['Web-01', 'web-01'],
    ['web.example.com', 'web'],
    ["Anna's MacBook Pro.local", 'annas-macbook-pro'],
    ['Zürich', 'zurich'],
    ['-rf', 'rf'],
    ['--help', 'help'],
    ['a_b', 'a-b'],
    ['$(reboot);`id`', 'reboot-id'],
    ['<script>', 'script'],
    ['xn--80ak6aa92e', 'xn-80ak6aa92e'],
    ['.hidden', 'hidden'],
    ['', 'node'],
    ['сервер', 'node'],
    ['\0\u202e', 'node'],
    ['127.0.0.1', '127-0-0-1'],
    ['10', 'node-10'],
    ['0x7f', 'node-0x7f'],
    ['localhost', 'node-localhost'],
    [`${'a'.repeat(62)}-b`, 'a'.repeat(62)],
    ['a'.repeat(100_000), 'a'.repeat(63)],
  ])('%j becomes %s', (wished, label) => expect(dnsLabel(wished)).toBe(label));

  it('SEC-64: whatever is wished for is a label, and a label of itself', () => {
    const wish = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.string({ maxLength: 200 }),
    );
    fc.assert(
      fc.property(wish, (text) => {
        const label = dnsLabel(text);
        expect(label).toMatch(LABEL);
        expect(isDnsLabel(label)).toBe(true);
      }),
    );
  });
});

describe('a free label', () => {
  const search = async (label: string, taken: Set<string>) => {
    let asked = 0;
    const found = await freeLabel(label, async (name) => {
      asked++;
      return taken.has(name);
    });
    return { found, asked };
  };
  const numbered = (label: string, count: number) =>
    new Set(Array.from({ length: count }, (_, i) => numberedLabel(label, i + 1)));

  it.each([0, 1, 2, 3, 7, 8, 9, 10_000])('after %i hosts of one name is the next number', async (count) => {
    const { found, asked } = await search('host', numbered('host', count));
    expect(found).toBe(numberedLabel('host', count + 1));
    expect(asked).toBeLessThan(32);
  });

  it('is free also where numbers are missing in between, or were wished for as they are', async () => {
    const taken = numbered('host', 20);
    for (const gap of ['host-5', 'host-9']) taken.delete(gap);
    taken.add('host-21');
    const { found } = await search('host', taken);
    expect(taken.has(found)).toBe(false);
    expect((await search('host-2', taken)).found).toBe('host-2-2');
  });

  it('stays a label when the number does not fit behind the name', async () => {
    const long = `${'a'.repeat(60)}-bc`;
    const { found } = await search(long, numbered(long, 11));
    expect(found).toMatch(LABEL);
    expect(found).toMatch(/-12$/);
  });
});
