import { describe, expect, it } from 'vitest';
import { describeNat, type FurtherTests, isHard, natKind } from '../../../agent/paths/nat-kind.ts';
import { udp } from './ends.ts';

const LOCAL = ['192.168.1.10:51820'];
const ONE = '198.51.100.1:3478';
const ONE_OTHER_PORT = '198.51.100.1:3479';
const TWO = '198.51.100.2:3478';

function kindOf(answers: readonly [string, string][], tests: FurtherTests = {}, local = LOCAL) {
  const observations = answers.map(([server, observed]) => ({
    server: udp(server),
    observed: udp(observed),
  }));
  return natKind(local.map(udp), observations, tests);
}

describe('the kind of a NAT', () => {
  it.each<[string, [string, string][], string, boolean]>([
    ['no server answers', [], 'no answer', false],
    ['one alone says little', [[ONE, '203.0.113.1:51820']], 'unknown', false],
    [
      'the same at two ports',
      [
        [ONE, '203.0.113.1:4000'],
        [ONE_OTHER_PORT, '203.0.113.1:4000'],
      ],
      'endpoint-independent',
      false,
    ],
    [
      'the same at two servers',
      [
        [ONE, '203.0.113.1:4000'],
        [TWO, '203.0.113.1:4000'],
      ],
      'endpoint-independent',
      false,
    ],
    [
      'another for each server',
      [
        [ONE, '203.0.113.1:4000'],
        [ONE_OTHER_PORT, '203.0.113.1:4000'],
        [TWO, '203.0.113.1:4001'],
      ],
      'address-dependent',
      true,
    ],
    [
      'another for each port',
      [
        [ONE, '203.0.113.1:4000'],
        [ONE_OTHER_PORT, '203.0.113.1:4001'],
        [TWO, '203.0.113.1:4002'],
      ],
      'address-and-port-dependent',
      true,
    ],
    [
      'another outer address',
      [
        [ONE, '203.0.113.1:4000'],
        [TWO, '203.0.113.2:4000'],
      ],
      'address-dependent',
      true,
    ],
    [
      "the host's own",
      [
        [ONE, '192.168.1.10:51820'],
        [TWO, '192.168.1.10:51820'],
      ],
      'none',
      false,
    ],
  ])('%s', (_name, answers, mapping, hard) => {
    const kind = kindOf(answers);
    expect(kind.mapping).toBe(mapping);
    expect(isHard(kind)).toBe(hard);
    expect(describeNat(kind)).not.toContain('undefined');
  });

  it('tells whether ports are kept, and nothing of what was not tried', () => {
    expect(kindOf([[ONE, '203.0.113.1:51820']])).toMatchObject({
      keepsPort: true,
      filtering: 'unknown',
      hairpin: null,
    });
    expect(kindOf([[ONE, '203.0.113.1:7']]).keepsPort).toBe(false);
    expect(kindOf([]).keepsPort).toBeNull();
  });

  it.each<[FurtherTests, string]>([
    [{ fromOtherAddress: true }, 'endpoint-independent'],
    [{ fromOtherAddress: false, fromOtherPort: true }, 'address-dependent'],
    [{ fromOtherAddress: false, fromOtherPort: false }, 'address-and-port-dependent'],
    [{ fromOtherAddress: false }, 'unknown'],
    [{ fromOtherPort: false }, 'address-and-port-dependent'],
    [{ fromOtherPort: true }, 'not by port'],
    [{}, 'unknown'],
  ])('filtering, from %o: %s', (tests, filtering) => {
    expect(kindOf([[ONE, '203.0.113.1:4000']], tests).filtering).toBe(filtering);
  });

  it.each<[[string, string][], FurtherTests, RegExp]>([
    [[], {}, /blocked.*relay/],
    [
      [
        [ONE, '203.0.113.1:4000'],
        [TWO, '203.0.113.1:4000'],
      ],
      { fromOtherAddress: true, hairpin: true },
      /full cone.*hairpins/,
    ],
    [
      [
        [ONE, '203.0.113.1:4000'],
        [TWO, '203.0.113.1:4000'],
      ],
      { fromOtherAddress: false, fromOtherPort: false, hairpin: false },
      /port-restricted.*cannot/,
    ],
    [
      [
        [ONE, '203.0.113.1:4000'],
        [ONE_OTHER_PORT, '203.0.113.1:4001'],
      ],
      {},
      /hard NAT/,
    ],
    [
      [
        [ONE, '192.168.1.10:51820'],
        [TWO, '192.168.1.10:51820'],
      ],
      { fromOtherAddress: true },
      /no NAT/,
    ],
  ])('%o is put into plain words', (answers, tests, words) => {
    expect(describeNat(kindOf(answers, tests))).toMatch(words);
  });
});
