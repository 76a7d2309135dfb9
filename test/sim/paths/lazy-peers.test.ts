import { beforeAll, describe, expect, it } from 'vitest';
import { cryptoReady } from '../../../agent/wireguard/crypto.ts';
import { MeshHost } from './mesh-host.ts';
import { MeshWorld } from './mesh-world.ts';

beforeAll(cryptoReady);

describe('a network of 1,000 peers', () => {
  it('costs three handshakes where there is traffic to three, and probes to nobody else', {
    timeout: 300_000,
  }, () => {
    const world = new MeshWorld(1);
    const one = new MeshHost(world, [{ ip: '203.0.113.1', segment: world.internet }]);
    const others = Array.from(
      { length: 1_000 },
      (_, i) => new MeshHost(world, [{ ip: `203.0.${114 + (i >> 8)}.${i & 255}`, segment: world.internet }]),
    );
    for (const other of others) {
      one.addPeer(other);
      other.addPeer(one);
    }
    world.clock.run(3_000);
    expect(one.paths.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    expect(one.device.nextDeadline()).toBe(Number.POSITIVE_INFINITY);

    const three = [others[3], others[300], others[999]] as MeshHost[];
    for (let second = 0; second < 60; second++) {
      for (const other of three) one.send(other, second);
      world.clock.run(1_000);
    }
    expect(one.counter('completed-handshakes')).toBe(3);
    expect(one.counter('sent-initiations')).toBe(3);
    expect(three.map((other) => other.arrivals.length)).toEqual([60, 60, 60]);
    for (const other of others) {
      if (three.includes(other)) continue;
      expect(
        other.counter('sent-pings') + other.counter('sent-pongs') + other.counter('sent-invitations'),
      ).toBe(0);
      expect(other.counter('completed-handshakes')).toBe(0);
      expect(one.paths.status(one.slotOf(other))?.tried.every(({ provenAt }) => provenAt === -Infinity)).toBe(
        true,
      );
    }

    // And when the traffic has ended, so do the probes.
    world.clock.run(300_000);
    const before = one.counter('sent-pings');
    world.clock.run(600_000);
    expect(one.counter('sent-pings')).toBe(before);
    expect(one.paths.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });
});
