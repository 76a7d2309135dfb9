import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addressClasses } from '../../../agent/mesh/address-classes.ts';
import { compareIp, formatIp, type IpBytes } from '../../../shared/ip.ts';
import { formatPrefix, type Prefix, parsePrefix, prefixContains } from '../../../shared/prefix.ts';

const readable = (sources: string[][], family: 4 | 6 = 4) =>
  addressClasses(sources, family).map(({ from, to, rules }) => `${formatIp(from)}-${formatIp(to)} ${rules}`);

it.each<[string, string[][], string[]]>([
  ['no rules', [], []],
  ['a rule of the other family', [['fd00::/8']], []],
  ['everybody', [['0.0.0.0/0']], ['0.0.0.0-255.255.255.255 0']],
  [
    'one within another',
    [['10.0.0.0/8'], ['10.1.0.0/16']],
    ['10.0.0.0-10.0.255.255 0', '10.1.0.0-10.1.255.255 0,1', '10.2.0.0-10.255.255.255 0'],
  ],
  ['neighbours of one rule are one', [['10.0.0.0/9', '10.128.0.0/9']], ['10.0.0.0-10.255.255.255 0']],
  [
    'and those of two are two',
    [['10.0.0.0/9'], ['10.128.0.0/9']],
    ['10.0.0.0-10.127.255.255 0', '10.128.0.0-10.255.255.255 1'],
  ],
  [
    'a block that a rule has twice',
    [['10.0.0.0/8', '10.0.0.0/8', '10.1.0.0/16']],
    ['10.0.0.0-10.255.255.255 0'],
  ],
  ['the last address of all', [['255.255.255.255/32']], ['255.255.255.255-255.255.255.255 0']],
])('%s', (_what, sources, expected) => {
  expect(readable(sources)).toEqual(expected);
});

it('IPv6 to its last address', () => {
  expect(readable([['::/0'], ['fd00::/8']], 6)).toEqual([
    '::-fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 0',
    'fd00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 0,1',
    'fe00::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 0',
  ]);
});

it('of any rules: disjoint, in order, and for every address the rules that name it', () => {
  const address = fc
    .tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(255))
    .map((parts) => Uint8Array.from(parts));
  const block = fc
    .tuple(address, fc.constantFrom(0, 6, 7, 8, 15, 16, 24, 31, 32))
    .map(([bytes, length]) => parsePrefix(`${formatIp(bytes)}/${length}`) as Prefix);
  fc.assert(
    fc.property(
      fc.array(fc.array(block, { maxLength: 4 }), { maxLength: 6 }),
      fc.array(address),
      (rules, asked) => {
        const classes = addressClasses(
          rules.map((blocks) => blocks.map(formatPrefix)),
          4,
        );
        for (const [i, { from, to }] of classes.entries()) {
          expect(compareIp(from, to)).toBeLessThanOrEqual(0);
          if (i > 0) expect(compareIp((classes[i - 1] as { to: IpBytes }).to, from)).toBeLessThan(0);
        }
        const edges = classes.flatMap(({ from, to }) => [from, to]);
        for (const one of [...asked, ...edges]) {
          const found = classes.find(({ from, to }) => compareIp(from, one) <= 0 && compareIp(one, to) <= 0);
          const expected = rules.flatMap((blocks, rule) =>
            blocks.some((prefix) => prefixContains(prefix, one)) ? [rule] : [],
          );
          expect(found?.rules ?? []).toEqual(expected);
        }
      },
    ),
  );
});
