import { describe, expect, it } from 'vitest';
import { describeNat } from '../../../agent/paths/nat-kind.ts';
import { NatTest } from '../../../agent/paths/nat-test.ts';
import { endpointOf } from '../../../agent/wireguard/udp-address.ts';
import { bindingAnswer } from '../../../coordinator/stun/binding.ts';
import { SeededRandom } from '../world.ts';
import { Clock } from './clock.ts';
import { addressOf, placeOf } from './mesh-world.ts';
import { Nat, type NatBehaviour, type Packet, Segment } from './network.ts';

const SERVER = '198.51.100.1';
const SERVERS = [
  { ip: SERVER, port: 3478 },
  { ip: SERVER, port: 3479 },
  { ip: '198.51.100.2', port: 3478 },
];
const PORT = 7_000;

/** A test from behind such a NAT, or from a public address for null; run to its end. */
function tested(behaviour: Partial<NatBehaviour> | null, loss = 0): { test: NatTest; took: number } {
  const clock = new Clock();
  const random = new SeededRandom(7);
  const segment = () => new Segment(clock, random, { delay: 20, jitter: 3, loss }, () => {});
  const internet = segment();
  for (const ip of new Set(SERVERS.map((server) => server.ip))) {
    internet.add(ip, {
      arrive({ bytes, from, to }: Packet) {
        const answer = bindingAnswer(bytes, endpointOf(addressOf(from)));
        if (answer === null) return;
        const port = answer.fromOtherPort ? 3478 + 3479 - to.port : to.port;
        internet.send({ from: { ip: to.ip, port }, to: from, bytes: answer.bytes });
      },
    });
  }
  const site = behaviour === null ? internet : segment();
  const ip = behaviour === null ? '203.0.113.9' : '192.168.1.10';
  if (behaviour !== null) {
    new Nat(clock, random, site, internet, '203.0.113.1', {
      mapping: 'endpoint-independent',
      filtering: 'address-and-port-dependent',
      ports: 'preserved',
      hairpin: false,
      timeout: 30_000,
      blocked: false,
      ...behaviour,
    });
  }
  const test = new NatTest(
    SERVERS.map(addressOf),
    [addressOf({ ip, port: PORT })],
    random,
    (target, bytes) => site.send({ from: { ip, port: PORT }, to: placeOf(target), bytes }),
    0,
  );
  site.add(ip, {
    arrive({ bytes, from, to }: Packet) {
      if (to.port === PORT) test.datagram(bytes, addressOf(from), clock.now);
    },
  });
  while (!test.isDone) {
    const wait = Math.min(10, Math.max(0, test.nextDeadline() - clock.now));
    clock.run(wait);
    test.advance(clock.now);
    if (clock.now > 60_000) throw new Error('the test does not end');
  }
  return { test, took: clock.now };
}

describe('the test of the NAT, run behind each kind', () => {
  it.each<[string, Partial<NatBehaviour> | null, object, RegExp]>([
    ['a public address', null, { mapping: 'none', hairpin: null }, /no NAT/],
    [
      'full cone that hairpins',
      { filtering: 'endpoint-independent', hairpin: true },
      { mapping: 'endpoint-independent', filtering: 'not by port', hairpin: true, keepsPort: true },
      /full or restricted cone.*hairpins/,
    ],
    [
      'restricted cone',
      { filtering: 'address-dependent', ports: 'random' },
      { mapping: 'endpoint-independent', filtering: 'not by port', hairpin: false, keepsPort: false },
      /full or restricted/,
    ],
    [
      'port-restricted cone',
      {},
      { mapping: 'endpoint-independent', filtering: 'address-and-port-dependent', hairpin: false },
      /port-restricted/,
    ],
    [
      'port-restricted cone that hairpins',
      { hairpin: true },
      { filtering: 'address-and-port-dependent', hairpin: true },
      /port-restricted.*hairpins/,
    ],
    [
      'mapping by address',
      { mapping: 'address-dependent', ports: 'random' },
      { mapping: 'address-dependent', filtering: 'address-and-port-dependent' },
      /hard NAT/,
    ],
    [
      'symmetric',
      { mapping: 'address-and-port-dependent', ports: 'sequential' },
      { mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent' },
      /hard NAT/,
    ],
    [
      'UDP blocked',
      { blocked: true },
      { mapping: 'no answer', filtering: 'unknown', hairpin: null },
      /blocked/,
    ],
  ])('%s', (_name, behaviour, expected, words) => {
    const { test, took } = tested(behaviour);
    expect(test.kind).toMatchObject(expected);
    expect(describeNat(test.kind)).toMatch(words);
    expect(took).toBeLessThan(9_000);
  });

  it('bears with a few lost datagrams', () => {
    expect(tested({ filtering: 'endpoint-independent', hairpin: true }, 0.05).test.kind).toMatchObject({
      mapping: 'endpoint-independent',
      filtering: 'not by port',
    });
  });
});
