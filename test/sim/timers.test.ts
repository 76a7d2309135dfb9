import { beforeAll, describe, expect, it } from 'vitest';
import { cryptoReady } from '../../agent/wireguard/crypto.ts';
import { ipv4, numberOf, World } from './world.ts';

beforeAll(cryptoReady);

const AB = (number = 0) => ipv4('10.0.0.1', '10.0.0.2', 84, number);
const BA = (number = 0) => ipv4('10.0.0.2', '10.0.0.1', 84, number);
const KEEPALIVE = 32;

/** A pair with a fresh session, its handshake at time 0, and the record of what was sent emptied. */
function connected(seed: number) {
  const world = new World(seed);
  const [a, b] = world.pair();
  a.send(AB());
  world.run(10);
  b.send(BA());
  world.run(10);
  world.sent.length = 0;
  return { world, a, b };
}

describe('the timers of section 6', () => {
  it('an unanswered initiation is repeated every 5 s and up to 333 ms, each with a fresh ephemeral, for 90 s', () => {
    const world = new World(1);
    const [a] = world.pair();
    world.filter = () => false;
    a.send(AB());
    world.run(300_000);
    const times = world.sent.map(({ at }) => at);
    const gaps = times.slice(1).map((at, i) => at - (times[i] as number));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5333);
    expect(new Set(gaps).size).toBeGreaterThan(gaps.length / 2);
    expect(times.at(-1)).toBeLessThan(90_000);
    expect(times.length).toBeGreaterThanOrEqual(17);
    expect(new Set(world.sent.map(({ bytes }) => bytes.subarray(8, 40).join())).size).toBe(times.length);
    expect(a.events.at(-1)).toEqual({ kind: 'handshake-given-up', publicKey: a.peer().publicKey });
    expect(a.peer().drops).toEqual({ 'staged-given-up': 1 });
  });

  it('a handshake that is asked for begins at once where the last one was answered, and waits its 5 s where not', () => {
    const { world, a, b } = connected(13);
    const slot = a.device.slotOf(b.publicKey) as number;
    for (let round = 1; round <= 3; round++) {
      world.run(1_500);
      a.device.handshake(slot, world.now);
      world.run(10);
      expect(world.count(2)).toBe(round);
    }
    const answered = world.count(1);
    world.filter = () => false;
    for (let second = 0; second < 4; second++) {
      a.device.handshake(slot, world.now);
      world.run(1_000);
    }
    expect(world.count(1)).toBe(answered + 1);
  });

  it('after giving up, a new packet starts anew', () => {
    const world = new World(2);
    const [a, b] = world.pair();
    world.filter = () => false;
    a.send(AB(1));
    world.run(300_000);
    world.filter = () => true;
    a.send(AB(2));
    world.run(100);
    expect(b.received.map(numberOf)).toEqual([2]);
  });

  it('data received with nothing sent back is answered by one keepalive after 10 s', () => {
    const { world, a, b } = connected(3);
    const start = world.now;
    a.send(AB());
    world.run(60_000);
    const fromB = world.sent.filter(({ from }) => from === b.address);
    expect(fromB.map(({ bytes }) => bytes.length)).toEqual([KEEPALIVE]);
    expect((fromB[0]?.at ?? 0) - start).toBeCloseTo(10_001, 0);
  });

  it('data received after the first packet is acknowledged by a second keepalive', () => {
    const { world, a, b } = connected(4);
    a.send(AB());
    world.run(5000);
    a.send(AB());
    world.run(60_000);
    expect(world.sent.filter(({ from }) => from === b.address)).toHaveLength(2);
  });

  it('keepalives are not answered by keepalives', () => {
    const { world } = connected(5);
    world.run(10_500);
    world.sent.length = 0;
    world.run(100_000);
    expect(world.sent).toEqual([]);
  });

  it('data sent with nothing authenticated coming back starts a handshake after 15 s and up to 333 ms', () => {
    const { world, a } = connected(6);
    const start = world.now;
    world.filter = ({ from }) => from === a.address;
    a.send(AB());
    world.run(20_000);
    const initiation = world.sent.find(({ bytes }) => bytes[0] === 1);
    expect(initiation?.at).toBeGreaterThanOrEqual(start + 15_000);
    expect(initiation?.at).toBeLessThanOrEqual(start + 15_333);
  });

  it('persistent keepalive sends at once and then after each interval of silence, and keeps the session alive for hours', () => {
    const world = new World(7);
    const [a, b] = world.pair();
    a.addPeer(b, [], { persistentKeepalive: 25 });
    expect(world.count(1)).toBe(1);
    world.run(4 * 3_600_000);
    const times = world.sent
      .filter(({ from, bytes }) => from === a.address && bytes[0] === 4)
      .map(({ at }) => at);
    const gaps = times.slice(1).map((at, i) => at - (times[i] as number));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(25_001);
    expect(times.length).toBeGreaterThan(570);
    b.send(BA(1));
    world.run(10);
    expect(a.received.map(numberOf)).toEqual([1]);
  });

  it('persistent keepalive begins when the private key comes last', () => {
    const world = new World(8);
    const [a, b] = world.pair();
    a.device.configure({ privateKey: new Uint8Array(32) }, world.now);
    a.addPeer(b, [], { persistentKeepalive: 25 });
    expect(world.sent).toEqual([]);
    a.device.configure({ privateKey: a.privateKey }, world.now);
    expect(world.count(1)).toBe(1);
  });

  it('a device without traffic and without persistent keepalive falls silent and asks for no wake-up once its keys are gone', () => {
    const { world, a, b } = connected(9);
    world.run(600_000);
    world.sent.length = 0;
    world.run(10 * 3_600_000);
    expect(world.sent).toEqual([]);
    expect(a.device.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    expect(b.device.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it('SEC-26: nothing is sent under a key of 180 s or more, and the keys are gone by 540 s', () => {
    const destroyed: number[] = [];
    let world: World;
    const counting = (time: () => number) => {
      let live = 0;
      return {
        live: () => live,
        createCipher: () => {
          live++;
          return {
            seal: () => {},
            open: () => true,
            destroy: () => {
              live--;
              destroyed.push(time());
            },
          };
        },
      };
    };
    const ciphers = counting(() => world.now);
    world = new World(10);
    const [a] = world.pair({ createCipher: ciphers.createCipher });
    a.send(AB());
    world.run(1000);
    expect(ciphers.live()).toBe(4);
    world.sent.length = 0;
    world.filter = () => false;
    world.run(180_010 - 1000);
    const data = world.count(4);
    a.send(AB());
    world.run(10);
    expect(world.count(4)).toBe(data);
    expect(world.count(1)).toBeGreaterThan(0);
    world.run(360_000);
    expect(ciphers.live()).toBe(0);
    expect(Math.max(...destroyed)).toBeLessThanOrEqual(540_010);
  });

  it('SEC-26: nothing is accepted under a key of 180 s or more', () => {
    const { world, a, b } = connected(11);
    world.run(20_000);
    world.filter = ({ bytes }) => bytes[0] === 4;
    a.send(AB(5));
    world.run(10);
    const [kept] = world.sent.filter(({ bytes }) => bytes.length > KEEPALIVE).slice(-1);
    expect(b.received.map(numberOf)).toContain(5);
    a.send(AB(6));
    const late = world.sent.at(-1);
    world.filter = () => false;
    world.run(180_000);
    const before = b.received.length;
    world.deliver(late as never);
    world.deliver(kept as never);
    expect(b.received.length).toBe(before);
    expect(b.counter('expired-session')).toBe(2);
  });

  describe('after the host slept for 10 minutes', () => {
    function slept(seed: number, options: { alone: boolean }) {
      const { world, a, b } = connected(seed);
      a.send(AB(1));
      b.send(BA(1));
      world.run(100);
      const old = indicesOf(world.sent);
      a.sleep();
      if (!options.alone) b.sleep();
      world.run(600_000);
      a.wake();
      if (!options.alone) b.wake();
      world.sent.length = 0;
      return { world, a, b, old, woke: world.now };
    }
    const indicesOf = (sent: readonly { bytes: Uint8Array }[]) =>
      new Set(sent.filter(({ bytes }) => bytes[0] === 4).map(({ bytes }) => bytes.subarray(4, 8).join()));

    it.each([true, false])(
      'SEC-51: a new handshake follows within 5 s, with nothing to send; alone: %s',
      (alone) => {
        const { world, a, woke } = slept(12, { alone });
        world.run(5000);
        const initiation = world.sent.find(({ bytes }) => bytes[0] === 1);
        expect((initiation?.at ?? Number.POSITIVE_INFINITY) - woke).toBeLessThanOrEqual(5000);
        expect(a.counter('completed-handshakes')).toBe(2);
      },
    );

    it.each([true, false])(
      'SEC-51: what is sent at once is not sent under the old keys; alone: %s',
      (alone) => {
        const { world, a, b, old } = slept(13, { alone });
        expect(old.size).toBeGreaterThan(0);
        a.send(AB(9));
        world.run(100);
        expect(b.received.map(numberOf).at(-1)).toBe(9);
        for (const index of indicesOf(world.sent)) expect(old.has(index)).toBe(false);
      },
    );

    it('SEC-51: what comes under the old keys is not taken', () => {
      const world = new World(14);
      const [a, b] = world.pair();
      a.send(AB(1));
      world.run(10);
      b.send(BA(1));
      const kept = world.sent.at(-1);
      world.filter = () => false;
      a.sleep();
      world.run(600_000);
      a.wake();
      a.received.length = 0;
      world.deliver(kept as never);
      expect(a.received).toEqual([]);
      expect(a.counter('expired-session')).toBe(1);
    });
  });

  it.each([
    ['an hour forward', 3_600_000],
    ['an hour back', -3_600_000],
    ['ten years forward', 3652 * 86_400_000],
    ['ten years back', -3652 * 86_400_000],
  ])(
    'SEC-50: a wall clock set %s: the session lives, new handshakes work, for the other end too',
    (_name, by) => {
      const { world, a, b } = connected(15);
      world.wallStart += by;
      world.run(5_000);
      a.send(AB(1));
      b.send(BA(2));
      world.run(100);
      expect(b.received.map(numberOf).at(-1)).toBe(1);
      expect(a.received.map(numberOf).at(-1)).toBe(2);
      expect(world.count(1)).toBe(0);
      for (let round = 0; round < 3; round++) {
        world.wallStart -= round === 1 ? 2 * by : 0;
        world.run(200_000);
        (round % 2 === 0 ? a : b).send(round % 2 === 0 ? AB(10 + round) : BA(10 + round));
        world.run(100);
      }
      expect(b.received.map(numberOf).slice(-2)).toEqual([10, 12]);
      expect(a.received.map(numberOf).at(-1)).toBe(11);
      expect(world.count(1)).toBe(3);
    },
  );

  it('a wall clock set back by ten years does not stop new handshakes, within a run or across a restart', () => {
    const { world, a, b } = connected(13);
    const newest = a.events.findLast((event) => event.kind === 'timestamp-sent');
    world.wallStart -= 10 * 365 * 86_400_000;
    world.run(200_000);
    a.send(AB(1));
    world.run(100);
    expect(b.received.map(numberOf).at(-1)).toBe(1);
    const restarted = world.host('192.0.2.3:51820', {
      lastTimestamp: newest?.kind === 'timestamp-sent' ? newest.timestamp : new Uint8Array(12),
    });
    restarted.device.configure({ privateKey: a.privateKey }, world.now);
    restarted.addPeer(b, ['10.0.0.2/32'], { endpoint: b.address });
    world.run(100);
    b.received.length = 0;
    restarted.send(AB(2));
    // The first of its timestamps may equal one of the run before; a retry is a step later.
    world.run(12_000);
    expect(b.received.map(numberOf)).toEqual([2]);
  });
});
