import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AllowedIps } from '../../../agent/wireguard/allowed-ips.ts';
import { packetBuffer } from '../../../agent/wireguard/packet-buffer.ts';
import { parseIp } from '../../../shared/ip.ts';
import { formatPrefix, type Prefix, parsePrefix, prefixContains } from '../../../shared/prefix.ts';

const buffer = packetBuffer(64);

function lookup<T>(table: AllowedIps<T>, bytes: Uint8Array): T | null {
  buffer.bytes.set(bytes, 3);
  return bytes.length === 4 ? table.lookup4(buffer, 3) : table.lookup6(buffer, 3);
}

function tableOf(entries: Record<string, string>): AllowedIps<string> {
  const table = new AllowedIps<string>();
  for (const [text, owner] of Object.entries(entries)) table.insert(parsePrefix(text) as Prefix, owner);
  return table;
}

describe('allowed IPs', () => {
  const table = tableOf({
    '192.168.4.0/24': 'a',
    '192.168.4.4/32': 'b',
    '192.168.0.0/16': 'c',
    '192.95.5.64/27': 'd',
    '192.95.5.65/27': 'e',
    '0.0.0.0/0': 'f',
    '64.15.112.0/20': 'g',
    '64.15.123.211/25': 'h',
    '10.0.0.0/25': 'a',
    '10.0.0.128/25': 'b',
    '2607:5300:60:6b00::c05f:543/128': 'd',
    '2607:5300:60:6b00::/64': 'e',
    '::/0': 'f',
    '2404:6800::/32': 'h',
    '2404:6800:4004:800:dead:beef:dead:beef/128': 'c',
  });

  it.each([
    ['192.168.4.20', 'a'],
    ['192.168.4.4', 'b'],
    ['192.168.200.182', 'c'],
    ['192.95.5.68', 'e'],
    ['192.95.5.96', 'f'],
    ['64.15.116.26', 'g'],
    ['64.15.123.128', 'h'],
    ['64.15.123.1', 'g'],
    ['255.255.255.255', 'f'],
    ['10.0.0.127', 'a'],
    ['10.0.0.128', 'b'],
    ['2607:5300:60:6b00::c05f:543', 'd'],
    ['2607:5300:60:6b00::c02e:1ee', 'e'],
    ['2607:5300:60:6b01::', 'f'],
    ['2404:6800:4004:806::1006', 'h'],
    ['2404:6800:4004:800:dead:beef:dead:beef', 'c'],
    ['2404:6800:4004:800:dead:beef:dead:beee', 'h'],
  ])('%s belongs to %s, by the longest prefix', (address, owner) => {
    expect(lookup(table, parseIp(address) as Uint8Array)).toBe(owner);
  });

  it('an IPv4 entry says nothing about IPv6, nor the other way round', () => {
    expect(lookup(tableOf({ '0.0.0.0/0': 'a' }), new Uint8Array(16))).toBeNull();
    expect(lookup(tableOf({ '::/0': 'a' }), new Uint8Array(4))).toBeNull();
  });

  it('a prefix given to another is taken from the first, and told', () => {
    const moved = tableOf({ '10.0.0.0/8': 'a' });
    expect(moved.insert(parsePrefix('10.0.0.0/8') as Prefix, 'b')).toBe('a');
    expect(lookup(moved, Uint8Array.of(10, 1, 1, 1))).toBe('b');
  });

  it('nobody can remove what belongs to another', () => {
    const owned = tableOf({ '10.0.0.0/8': 'a' });
    expect(owned.remove(parsePrefix('10.0.0.0/8') as Prefix, 'b')).toBe(false);
    expect(lookup(owned, Uint8Array.of(10, 1, 1, 1))).toBe('a');
  });

  /** Few distinct bits, so that prefixes nest and collide often. */
  const prefixes = fc
    .record({
      six: fc.boolean(),
      high: fc.integer({ min: 0, max: 7 }),
      low: fc.integer({ min: 0, max: 7 }),
      length: fc.nat(128),
    })
    .map(({ six, high, low, length }) => {
      const bytes = new Uint8Array(six ? 16 : 4);
      bytes[0] = high << 5;
      bytes[bytes.length - 1] = low;
      if (six) bytes[7] = low << 3;
      const text = formatPrefix({ bytes, length: six ? length : length % 33 });
      return parsePrefix(text) as Prefix;
    });

  it('always answers as a search through a list would, however prefixes come and go', () => {
    const step = fc.record({ prefix: prefixes, owner: fc.nat(3), remove: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.array(prefixes, { maxLength: 20 }),
        (steps, asked) => {
          const trie = new AllowedIps<number>();
          const list = new Map<string, { prefix: Prefix; owner: number }>();
          for (const { prefix, owner, remove } of steps) {
            const key = formatPrefix(prefix);
            if (remove) {
              const taken = list.get(key)?.owner === owner;
              expect(trie.remove(prefix, owner)).toBe(taken);
              if (taken) list.delete(key);
            } else {
              expect(trie.insert(prefix, owner)).toBe(list.get(key)?.owner ?? null);
              list.set(key, { prefix, owner });
            }
          }
          for (const { bytes } of [...asked, ...steps.map((each) => each.prefix)]) {
            const best = [...list.values()]
              .filter(({ prefix }) => prefixContains(prefix, bytes))
              .sort((a, b) => b.prefix.length - a.prefix.length)[0];
            expect(lookup(trie, bytes)).toBe(best?.owner ?? null);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

it('a stand-in may be a source for the owner of a prefix, until the stand-ins are others', () => {
  const table = tableOf({ '10.0.0.0/8': 'a', '10.1.0.0/16': 'c', 'fd10::/16': 'a' });
  const both = new Set(['a', 'b']);
  const prefixes = ['10.0.0.0/8', 'fd10::/16'].map((text) => [parsePrefix(text) as Prefix, both] as const);
  const standsIn = (text: string, value: string) => {
    const bytes = parseIp(text) as Uint8Array;
    const owner = lookup(table, bytes) as string;
    return table.standsIn(buffer, 3, bytes.length as 4 | 16, owner, value);
  };
  expect(standsIn('10.2.0.1', 'b')).toBe(false);
  table.setStandIns(prefixes);
  expect([standsIn('10.2.0.1', 'b'), standsIn('fd10::1', 'b')]).toEqual([true, true]);
  expect([standsIn('10.2.0.1', 'c'), standsIn('10.1.0.1', 'b')]).toEqual([false, false]);
  table.setStandIns([]);
  expect(standsIn('10.2.0.1', 'b')).toBe(false);
});
