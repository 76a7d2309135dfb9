import { beforeAll, describe, expect, it } from 'vitest';
import { cryptoReady } from '../../agent/wireguard/crypto.ts';
import { ipv4, World } from './world.ts';

beforeAll(cryptoReady);

describe('a session between two hosts', () => {
  it('comes up for the first packet and delivers it', () => {
    const world = new World(1);
    const [a, b] = world.pair();
    a.send(ipv4('10.0.0.1', '10.0.0.2', 84, 7));
    world.run(100);
    expect(b.received).toEqual([ipv4('10.0.0.1', '10.0.0.2', 84, 7)]);
    expect(world.sent.map((datagram) => datagram.bytes.length)).toEqual([148, 92, 96 + 32]);
    b.send(ipv4('10.0.0.2', '10.0.0.1', 84, 8));
    world.run(100);
    expect(a.received).toEqual([ipv4('10.0.0.2', '10.0.0.1', 84, 8)]);
  });
});
