import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chooseSlot,
  parseNetworkPrefix4,
  parseNetworkPrefix6,
  randomPrefix6,
  slotAddress,
  slotCapacity,
} from '../../../coordinator/network/address-pool.ts';
import { parseIp } from '../../../shared/ip.ts';
import { formatPrefix, type Prefix, parsePrefix, prefixContains } from '../../../shared/prefix.ts';

const prefix = (text: string) => parsePrefix(text) as Prefix;

describe('addresses of slots', () => {
  it.each([
    ['100.64.0.0/10', 1, '100.64.0.1'],
    ['100.64.0.0/10', 256, '100.64.1.0'],
    ['100.64.0.0/10', 4_194_302, '100.127.255.254'],
    ['10.9.8.8/29', 6, '10.9.8.14'],
    ['fd12:3456:789a::/48', 1, 'fd12:3456:789a::1'],
    ['fd12:3456:789a::/48', 0x12345, 'fd12:3456:789a::1:2345'],
  ])('in %s slot %i is %s', (range, slot, address) => expect(slotAddress(prefix(range), slot)).toBe(address));

  it.each([
    ['10.0.0.0/29', 6],
    ['10.0.0.0/24', 254],
    ['100.64.0.0/10', 4_194_302],
  ])('%s has %i of them', (range, count) => expect(slotCapacity(prefix(range))).toBe(count));

  it('are within their range and never its first or last', () => {
    const range = prefix('172.16.0.0/12');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: slotCapacity(range) }), (slot) => {
        const address = slotAddress(range, slot);
        expect(prefixContains(range, parseIp(address) as Uint8Array)).toBe(true);
        expect(['172.16.0.0', '172.31.255.255']).not.toContain(address);
      }),
    );
  });
});

describe('the slot of a new node', () => {
  it.each([
    ['one never used comes first', { nextSlot: 3, oldestFreed: 1, capacity: 6 }, 3],
    ['then the one freed longest ago', { nextSlot: 7, oldestFreed: 4, capacity: 6 }, 4],
    ['and none when all are in use', { nextSlot: 7, oldestFreed: null, capacity: 6 }, null],
  ])('%s', (_, state, slot) => expect(chooseSlot(state)).toBe(slot));
});

describe('ranges of a network', () => {
  it.each(['10.0.0.0/8', '100.64.0.0/10', '192.168.7.0/24', '10.0.0.8/29', '203.0.113.0/24'])(
    '%s is taken',
    (text) => expect(formatPrefix(parseNetworkPrefix4(text))).toBe(text),
  );

  it.each([
    ['10.0.0.1', 'not a CIDR'],
    ['10.0.0.1/24', '10.0.0.0/24 has none'],
    ['10.0.0.0/30', 'from /8 to /29'],
    ['0.0.0.0/0', 'from /8 to /29'],
    ['127.0.0.0/16', 'loopback'],
    ['169.254.0.0/16', 'link-local'],
    ['fd00::/48', 'not IPv4'],
    ['ten/8', 'not a CIDR'],
  ])('%s is refused: %s', (text, why) => expect(() => parseNetworkPrefix4(text)).toThrow(why));

  it.each(['2001:db8::/48', 'fd00::1/48', 'fd00::/47', 'fd00::/97', '10.0.0.0/8', 'x'])(
    'the IPv6 range %s is refused',
    (text) => expect(() => parseNetworkPrefix6(text)).toThrow('cannot be the network'),
  );

  it('the IPv6 range that is made is a ULA /48 of 40 random bits', () => {
    const made = randomPrefix6({ fill: (bytes) => bytes.fill(0xab) });
    expect(formatPrefix(made)).toBe('fdab:abab:abab::/48');
    expect(formatPrefix(parseNetworkPrefix6(formatPrefix(made)))).toBe('fdab:abab:abab::/48');
  });
});
