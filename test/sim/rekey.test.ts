import { beforeAll, describe, expect, it } from 'vitest';
import { cryptoReady } from '../../agent/wireguard/crypto.ts';
import { type Host, ipv4, numberOf, World } from './world.ts';

beforeAll(cryptoReady);

/** Sends a numbered packet each `interval` ms for `duration`, and says how many there were. */
function stream(
  world: World,
  from: Host,
  ends: [string, string],
  interval: number,
  duration: number,
): number {
  const count = Math.floor(duration / interval);
  const sendFrom = (number: number) => {
    if (number === count) return;
    from.send(ipv4(ends[0], ends[1], 60, number));
    world.at(world.now + interval, () => sendFrom(number + 1));
  };
  world.at(world.now, () => sendFrom(0));
  return count;
}

const A_TO_B: [string, string] = ['10.0.0.1', '10.0.0.2'];
const B_TO_A: [string, string] = ['10.0.0.2', '10.0.0.1'];
const all = (count: number) => Array.from({ length: count }, (_, i) => i);
const sorted = (host: Host) => host.received.map(numberOf).sort((x, y) => x - y);

describe('renewing a session', () => {
  it.each([
    ['one way', true, false],
    ['the other way', false, true],
    ['both ways', true, true],
  ])('SEC-25: traffic %s across five rekeys and more: none lost, none twice', (_name, forth, back) => {
    const world = new World(1, { delay: 30, jitter: 20 });
    world.recording = false;
    const [a, b] = world.pair();
    const duration = 700_000;
    const forthCount = forth ? stream(world, a, A_TO_B, 20, duration) : 0;
    const backCount = back ? stream(world, b, B_TO_A, 20, duration) : 0;
    world.run(duration + 1000);
    expect(sorted(b)).toEqual(all(forthCount));
    expect(sorted(a)).toEqual(all(backCount));
    expect(a.counter('completed-handshakes')).toBeGreaterThanOrEqual(6);
  });

  it.each([1, 2, 3])('begun by both ends at once, again and again, loses nothing either, seed %d', (seed) => {
    const world = new World(seed, { delay: 40 });
    world.recording = false;
    const [a, b] = world.pair();
    const duration = 500_000;
    const count = stream(world, a, A_TO_B, 10, duration);
    stream(world, b, B_TO_A, 10, duration);
    world.run(duration + 1000);
    expect(sorted(b)).toEqual(all(count));
    expect(sorted(a)).toEqual(all(count));
    expect(a.counter('sent-initiations')).toBeGreaterThanOrEqual(4);
    expect(b.counter('sent-initiations')).toBeGreaterThanOrEqual(4);
  });

  it('happens at 120 s by the initiator that sends, and by it alone', () => {
    const world = new World(2);
    const [a, b] = world.pair();
    stream(world, a, A_TO_B, 100, 130_000);
    stream(world, b, B_TO_A, 100, 0);
    world.run(130_000);
    const initiations = world.sent.filter(({ bytes }) => bytes[0] === 1);
    expect(initiations.map(({ from }) => from)).toEqual([a.address, a.address]);
    expect(initiations[1]?.at).toBeGreaterThanOrEqual(120_000);
    expect(initiations[1]?.at).toBeLessThan(120_200);
  });

  it.each([
    [160_000, 0],
    [166_000, 1],
  ])('by an initiator that receives after %d ms of silence: %d initiations at once', (silence, count) => {
    const world = new World(3);
    const [a, b] = world.pair();
    a.send(ipv4(...A_TO_B, 60));
    world.run(silence);
    world.sent.length = 0;
    b.send(ipv4(...B_TO_A, 60, 1));
    b.send(ipv4(...B_TO_A, 60, 2));
    world.run(1000);
    expect(world.sent.filter(({ from, bytes }) => from === a.address && bytes[0] === 1)).toHaveLength(count);
    expect(a.received.map(numberOf)).toEqual([1, 2]);
  });

  it('a handshake that is lost does not stop the old session until 180 s', () => {
    const world = new World(4);
    const [a, b] = world.pair();
    world.filter = ({ bytes }) => world.now < 100 || bytes[0] === 4;
    const count = stream(world, a, A_TO_B, 100, 178_000);
    world.run(179_000);
    expect(sorted(b)).toEqual(all(count));
  });
});

describe('a bad network', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'with loss, reordering and duplication delivers nothing twice and no more is lost than the network lost, seed %d',
    (seed) => {
      const world = new World(seed, { delay: 20, jitter: 200, loss: 0.1, duplicate: 0.1 });
      world.recording = false;
      const [a, b] = world.pair();
      const count = stream(world, a, A_TO_B, 50, 600_000);
      world.run(605_000);
      const numbers = b.received.map(numberOf);
      expect(new Set(numbers).size).toBe(numbers.length);
      expect(numbers.length).toBeGreaterThan(count * 0.85);
      expect(numbers.length).toBeLessThan(count);
      expect(numbers).not.toEqual([...numbers].sort((x, y) => x - y));
    },
  );

  it('that is away for an hour is noticed by nobody afterwards', () => {
    const world = new World(7);
    world.recording = false;
    const [a, b] = world.pair();
    a.addPeer(b, [], { persistentKeepalive: 25 });
    b.addPeer(a, [], { persistentKeepalive: 25 });
    world.run(60_000);
    world.filter = () => false;
    world.run(3_600_000);
    world.filter = () => true;
    world.run(30_000);
    a.send(ipv4(...A_TO_B, 60, 1));
    b.send(ipv4(...B_TO_A, 60, 2));
    world.run(6_000);
    expect(b.received.map(numberOf)).toEqual([1]);
    expect(a.received.map(numberOf)).toEqual([2]);
  });

  it('six hours of a packet each 3 s both ways lose nothing', () => {
    const world = new World(8, { delay: 80, jitter: 60 });
    world.recording = false;
    const [a, b] = world.pair();
    const duration = 6 * 3_600_000;
    const count = stream(world, a, A_TO_B, 3000, duration);
    stream(world, b, B_TO_A, 3000, duration);
    world.run(duration + 1000);
    expect(sorted(b)).toEqual(all(count));
    expect(sorted(a)).toEqual(all(count));
  });
});
