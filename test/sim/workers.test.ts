/** A device with followers: several workers that seal for every peer and open for their own. */
import { beforeAll, describe, expect, it } from 'vitest';
import { cryptoReady } from '../../agent/wireguard/crypto.ts';
import { type Host, ipv4, numberOf, prefix, World } from './world.ts';

beforeAll(cryptoReady);

const DATA = 4;
const all = (count: number) => Array.from({ length: count }, (_, i) => i);
const sorted = (host: Host) => host.received.map(numberOf).sort((x, y) => x - y);

/**
 * Host 10.0.0.1 in the middle of `count` others, so that its peers belong to different workers. Each of the others has it as
 * its second peer, which belongs to the second worker.
 */
function star(world: World, count: number): { middle: Host; others: Host[] } {
  const middle = world.host('192.0.2.1:51820');
  const nobody = world.host('192.0.2.99:51820');
  const others = Array.from({ length: count }, (_, i) => {
    const other = world.host(`192.0.2.${i + 2}:51820`);
    middle.addPeer(other, [`10.0.0.${i + 2}/32`], { endpoint: other.address });
    other.addPeer(nobody, ['10.0.9.9/32']);
    other.addPeer(middle, ['10.0.0.1/32'], { endpoint: middle.address });
    return other;
  });
  return { middle, others };
}

/** Sends a numbered packet each `interval` ms, `count` in all. */
function stream(world: World, from: Host, ends: [string, string], interval: number, count: number): void {
  const send = (number: number) => {
    if (number === count) return;
    from.send(ipv4(ends[0], ends[1], 60, number));
    world.at(world.now + interval, () => send(number + 1));
  };
  world.at(world.now, () => send(0));
}

describe.each([2, 3, 4])('%i workers', (workers) => {
  it('SEC-25: traffic of four peers both ways across five rekeys: none lost, none twice, no nonce used twice', () => {
    const world = new World(workers, { delay: 30, jitter: 20, duplicate: 0.2 });
    world.workers = workers;
    world.recording = false;
    const nonces = new Set<string>();
    let data = 0;
    world.filter = ({ from, to, bytes }) => {
      if (bytes[0] !== DATA) return true;
      data++;
      nonces.add(`${from} ${to} ${Buffer.from(bytes.subarray(4, 16)).toString('hex')}`);
      return true;
    };
    const { middle, others } = star(world, 4);
    const count = 14_000;
    for (const [i, other] of others.entries()) {
      stream(world, middle, ['10.0.0.1', `10.0.0.${i + 2}`], 50, count);
      stream(world, other, [`10.0.0.${i + 2}`, '10.0.0.1'], 50, count);
    }
    world.run(count * 50 + 1000);
    for (const other of others) {
      expect(sorted(other)).toEqual(all(count));
      expect(other.counter('completed-handshakes')).toBeGreaterThanOrEqual(6);
    }
    expect(sorted(middle)).toEqual(all(count).flatMap((number) => [number, number, number, number]));
    expect(nonces.size).toBe(data);
    expect(data).toBeGreaterThan(8 * count);
  });

  it('SEC-11: every datagram delivered three times, in any order: each packet is accepted once', () => {
    const world = new World(7, { delay: 5, jitter: 40 });
    world.workers = workers;
    const { middle, others } = star(world, 4);
    world.filter = (datagram) => {
      for (const later of [20, 400]) world.at(world.now + later, () => world.deliver(datagram));
      return true;
    };
    for (const [i, other] of others.entries()) {
      stream(world, middle, ['10.0.0.1', `10.0.0.${i + 2}`], 5, 300);
      stream(world, other, [`10.0.0.${i + 2}`, '10.0.0.1'], 5, 300);
    }
    world.run(5000);
    for (const other of others) expect(sorted(other)).toEqual(all(300));
    expect(middle.received.length).toBe(1200);
    expect(middle.counter('replayed')).toBeGreaterThan(2000);
  });

  it('SEC-13: each takes packets of a network from all peers that stand in for it, and from those alone', () => {
    const world = new World(3);
    world.workers = workers;
    const { middle, others } = star(world, 4);
    middle.device.configure(
      {
        peers: [
          { publicKey: (others[0] as Host).publicKey, allowedIps: [{ prefix: prefix('10.9.0.0/16') }] },
        ],
        standIns: [
          {
            prefix: prefix('10.9.0.0/16'),
            publicKeys: others.slice(0, 3).map(({ publicKey }) => publicKey),
          },
        ],
      },
      world.now,
    );
    for (const [i, other] of others.entries())
      stream(world, other, ['10.9.0.1', '10.0.0.1'], 10, 5 * (i + 1));
    world.run(2000);
    expect(middle.received).toHaveLength(5 + 10 + 15);
    expect(middle.counter('source-not-allowed')).toBe(20);
  });

  it('all workers take part', () => {
    const world = new World(3);
    world.workers = workers;
    const { middle, others } = star(world, 4);
    for (const [i, other] of others.entries()) {
      stream(world, middle, ['10.0.0.1', `10.0.0.${i + 2}`], 10, 100);
      stream(world, other, [`10.0.0.${i + 2}`, '10.0.0.1'], 10, 100);
    }
    world.run(2000);
    const owners = new Set(
      world.sent
        .filter(({ to, bytes }) => to === middle.address && bytes[0] === DATA)
        .map(({ bytes }) => (bytes[4] as number) % workers),
    );
    expect(owners.size).toBe(workers);
    for (const follower of middle.followers) expect(follower.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    for (const peer of middle.device.snapshot().peers) {
      // 100 packets of 60 bytes, padded, each way, and the handshake.
      expect(peer.rxBytes).toBeGreaterThanOrEqual(100 * 96);
      expect(peer.txBytes).toBeGreaterThanOrEqual(100 * 96);
    }
  });

  it('6.5: one who only receives sends a keepalive after 10 seconds, one who hears nothing begins anew after 15', () => {
    const world = new World(4);
    world.workers = workers;
    const { middle, others } = star(world, 2);
    const other = others[1] as Host;
    stream(world, other, ['10.0.0.3', '10.0.0.1'], 10, 50);
    world.run(1000);
    const from = world.now;
    world.run(11_000);
    const fromMiddle = world.sent.filter(
      ({ at, from: sender, bytes }) => at > from && sender === middle.address && bytes.length === 32,
    );
    expect(fromMiddle.length).toBe(1);
    const initiations = world.count(1);
    world.filter = () => false;
    stream(world, other, ['10.0.0.3', '10.0.0.1'], 10, 5);
    world.run(17_000);
    expect(world.count(1) - initiations).toBe(1);
  });

  it('a peer that moves is followed, whichever worker hears of it', () => {
    const world = new World(5);
    world.workers = workers;
    const { middle, others } = star(world, 4);
    for (const [i, other] of others.entries()) stream(world, other, [`10.0.0.${i + 2}`, '10.0.0.1'], 10, 10);
    world.run(1000);
    for (const [i, other] of others.entries()) {
      other.address = `203.0.113.${i + 1}:1000`;
      stream(world, other, [`10.0.0.${i + 2}`, '10.0.0.1'], 10, 2);
    }
    world.run(1000);
    const from = world.now;
    for (const i of others.keys()) stream(world, middle, ['10.0.0.1', `10.0.0.${i + 2}`], 10, 20);
    world.run(1000);
    for (const other of others) expect(other.received.length).toBe(20);
    const targets = new Set(world.sent.filter(({ at }) => at >= from).map(({ to }) => to));
    expect([...targets].filter((to) => to.startsWith('203.')).length).toBe(4);
    expect([...targets].filter((to) => !to.startsWith('203.') && to !== middle.address)).toEqual([]);
  });

  it('SEC-7: nothing of a removed peer is accepted by any worker', () => {
    const world = new World(6);
    world.workers = workers;
    const { middle, others } = star(world, 4);
    for (const [i, other] of others.entries())
      stream(world, other, [`10.0.0.${i + 2}`, '10.0.0.1'], 10, 1000);
    world.run(1000);
    for (const other of others)
      middle.device.configure({ peers: [{ publicKey: other.publicKey, remove: true }] }, world.now);
    world.run(10);
    middle.received.length = 0;
    world.run(5000);
    expect(middle.received).toEqual([]);
    expect(middle.counter('unknown-receiver')).toBeGreaterThan(1000);
  });

  it('SEC-26, SEC-51: after the host slept no worker uses an old session', () => {
    const world = new World(8);
    world.workers = workers;
    const { middle, others } = star(world, 4);
    for (const [i, other] of others.entries()) stream(world, other, [`10.0.0.${i + 2}`, '10.0.0.1'], 10, 10);
    world.run(1000);
    const before = new Set(world.sent.map(({ bytes }) => Buffer.from(bytes.subarray(4, 8)).toString('hex')));
    middle.sleep();
    world.run(600_000);
    middle.wake();
    world.run(5000);
    const from = world.now;
    for (const i of others.keys()) stream(world, middle, ['10.0.0.1', `10.0.0.${i + 2}`], 10, 20);
    world.run(1000);
    const data = world.sent.filter(({ at, bytes }) => at >= from && bytes[0] === DATA);
    expect(data.length).toBe(80);
    for (const { bytes } of data) {
      expect(before.has(Buffer.from(bytes.subarray(4, 8)).toString('hex'))).toBe(false);
    }
    for (const other of others) expect(other.received.length).toBe(20);
  });

  it('packets without a session wait at the device, at most 256 on their way there', () => {
    const world = new World(9);
    world.workers = workers;
    const { middle } = star(world, 1);
    world.filter = () => false;
    for (let i = 0; i < 2000; i++) middle.send(ipv4('10.0.0.1', '10.0.0.2', 60, i));
    world.run(1000);
    expect(middle.counter('staged-overflow')).toBe(2000 - 128);
  });
});
