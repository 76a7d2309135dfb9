import { describe, expect, it } from 'vitest';
import { parseIp } from '../../../shared/ip.ts';
import {
  canonicalPrefix,
  type Prefix,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
} from '../../../shared/prefix.ts';

const prefix = (text: string) => parsePrefix(text) as Prefix;

describe('prefixes', () => {
  it.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['2001:db8:ffff::/33', '2001:db8:8000::/33'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::/0', '::/0'],
    ['255.255.255.255/31', '255.255.255.254/31'],
  ])('%s is %s', (text, canonical) => {
    expect(canonicalPrefix(text)).toBe(canonical);
  });

  it.each([
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '/8',
    '',
    '10.0.0.0/a',
  ])('%j is no prefix', (text) => {
    expect(parsePrefix(text)).toBeNull();
  });

  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['0.0.0.0/0', '1.2.3.4', true],
    ['0.0.0.0/0', '::1', false],
    ['fd00::/9', 'fd7f::1', true],
    ['fd00::/9', 'fd80::1', false],
  ])('%s contains %s: %s', (block, address, contains) => {
    expect(prefixContains(prefix(block), parseIp(address) as Uint8Array)).toBe(contains);
  });

  it.each([
    ['10.0.0.0/8', '10.2.0.0/16', true],
    ['10.2.0.0/16', '10.0.0.0/8', true],
    ['10.0.0.0/9', '10.128.0.0/9', false],
    ['0.0.0.0/0', '::/0', false],
  ])('%s and %s overlap: %s', (a, b, overlap) => {
    expect(prefixesOverlap(prefix(a), prefix(b))).toBe(overlap);
  });
});
