import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalIp, compareIp, formatIp, parseIp } from '../../../shared/ip.ts';

describe('IP addresses in text form', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8::0001', '2001:db8::1'],
    // RFC 5952 4.2.2: one group of zeros is not shortened; 4.2.3: the longest run is, the first of equals.
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['fe80::', 'fe80::'],
  ])('%s is spelt %s', (text, canonical) => {
    expect(canonicalIp(text)).toBe(canonical);
  });

  it.each([
    '',
    '10.1',
    '256.0.0.1',
    '1.2.3.4.5',
    '01.2.3.4',
    '0x7f.0.0.1',
    'fe80::1%eth0',
    ':::',
    '1::2::3',
    'host',
    '1.2.3.4/24',
  ])('%j is no address', (text) => {
    expect(parseIp(text)).toBeNull();
  });

  it('what is printed is read back to the same bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc
        .array(fc.constantFrom(0, 0, 1, 0x20, 0xff), { minLength: 16, maxLength: 16 })
        .map((a) => Uint8Array.from(a)),
    );
    fc.assert(
      fc.property(bytes, (address) => {
        expect(parseIp(formatIp(address))).toEqual(address);
      }),
    );
  });

  it('IPv4 sorts before IPv6, and by value within a family', () => {
    const sorted = ['10.0.0.2', '10.0.0.10', '::1', '2001:db8::'].map((text) => parseIp(text) as Uint8Array);
    expect([...sorted].reverse().sort(compareIp)).toEqual(sorted);
  });
});
