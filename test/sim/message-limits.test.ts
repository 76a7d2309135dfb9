import { beforeAll, describe, expect, it } from 'vitest';
import { REJECT_AFTER_MESSAGES, REKEY_AFTER_MESSAGES } from '../../agent/wireguard/constants.ts';
import { cryptoReady } from '../../agent/wireguard/crypto.ts';
import type { Keypair } from '../../agent/wireguard/keypair.ts';
import { packetBuffer } from '../../agent/wireguard/packet-buffer.ts';
import type { OwnCounter } from '../../agent/wireguard/send-counter.ts';
import { type Host, ipv4, numberOf, World } from './world.ts';

beforeAll(cryptoReady);

const AB = (number = 0) => ipv4('10.0.0.1', '10.0.0.2', 84, number);

function connected(): { world: World; a: Host; b: Host; keypair: Keypair } {
  const world = new World(1);
  const [a, b] = world.pair();
  a.send(AB());
  world.run(6000);
  b.received.length = 0;
  world.sent.length = 0;
  const buffer = packetBuffer(100);
  buffer.bytes.set(AB());
  return { world, a, b, keypair: a.device.route(buffer, 0, 84)?.keypairs.current as Keypair };
}

/** As if so many messages had been sent already. */
function setCounter(keypair: Keypair, value: number): void {
  (keypair.counter as OwnCounter).value = value;
}

describe('the number of messages under one key', () => {
  it.each([2 ** 31 - 2, 2 ** 32 - 2, 2 ** 40 - 2])(
    'SEC-12: a counter that passes %d + 2 is written and read exactly',
    (start) => {
      const { world, a, b, keypair } = connected();
      setCounter(keypair, start);
      for (let i = 0; i < 4; i++) a.send(AB(i));
      world.run(10);
      expect(b.received.map(numberOf)).toEqual([0, 1, 2, 3]);
      const counters = world.sent.map(({ bytes }) => new DataView(bytes.buffer).getBigUint64(8, true));
      expect(counters).toEqual([0n, 1n, 2n, 3n].map((i) => BigInt(start) + i));
    },
  );

  it('SEC-12: past the soft limit a new session is made, and nothing is lost', () => {
    const { world, a, b, keypair } = connected();
    setCounter(keypair, REKEY_AFTER_MESSAGES);
    for (let i = 0; i < 3; i++) a.send(AB(i));
    world.run(10);
    expect(world.count(1)).toBe(1);
    a.send(AB(3));
    world.run(10);
    expect(b.received.map(numberOf)).toEqual([0, 1, 2, 3]);
    expect(a.counter('completed-handshakes')).toBe(2);
  });

  it('SEC-12: at the hard limit nothing more is sealed; packets wait for the new session', () => {
    const { world, a, b, keypair } = connected();
    world.filter = ({ bytes }) => bytes[0] === 4;
    setCounter(keypair, REJECT_AFTER_MESSAGES - 1);
    for (let i = 0; i < 3; i++) a.send(AB(i));
    world.run(10);
    expect(world.count(4)).toBe(1);
    expect(keypair.counter.value).toBe(REJECT_AFTER_MESSAGES);
    world.filter = () => true;
    world.run(6000);
    expect(b.received.map(numberOf)).toEqual([0, 1, 2]);
  });
});
