import { beforeAll, describe, expect, it } from 'vitest';
import { cryptoReady } from '../../../agent/wireguard/crypto.ts';
import { UdpAddress } from '../../../agent/wireguard/udp-address.ts';
import { endpoint, type Host, ipv4, numberOf, World } from '../world.ts';

beforeAll(cryptoReady);

const AB = (number: number) => ipv4('10.0.0.1', '10.0.0.2', 84, number);
const BA = (number: number) => ipv4('10.0.0.2', '10.0.0.1', 84, number);

function choose(host: Host, peer: Host, to: string, now: number): void {
  const { address, port } = endpoint(to);
  const slot = host.device.slotOf(peer.publicKey) as number;
  host.device.setPath(slot, UdpAddress.from(address, port), false, now);
}

describe('an endpoint that path discovery chose', () => {
  it.each([1, 2, 3])(
    'is not moved by authentic messages, which are told once for each source (%i workers)',
    (workers) => {
      const world = new World(workers);
      world.workers = workers;
      const [a, b] = world.pair();
      choose(b, a, a.address, 0);
      for (let i = 1; i <= 20; i++) {
        a.send(AB(i));
        world.run(20);
      }
      const before = a.address;
      a.address = '198.51.100.9:4000';
      for (let i = 21; i <= 60; i++) {
        a.send(AB(i));
        world.run(20);
      }
      expect(b.received.map(numberOf).filter((number) => number > 20)).toHaveLength(40);
      const heard = b.events.filter(({ kind }) => kind === 'heard-from');
      expect(heard).toEqual([
        { kind: 'heard-from', publicKey: a.publicKey, address: Uint8Array.of(198, 51, 100, 9), port: 4000 },
      ]);
      expect(b.events.some(({ kind }) => kind === 'endpoint-changed')).toBe(false);
      world.sent.length = 0;
      b.send(BA(1));
      world.run(20);
      expect(world.sent.map(({ to }) => to)).toEqual([before]);
      // Until it is chosen.
      choose(b, a, a.address, world.now);
      world.run(10);
      b.send(BA(2));
      world.run(20);
      expect(a.received.map(numberOf)).toEqual([2]);
    },
  );

  it('takes at once what waited for it: the unanswered initiation, then the packets', () => {
    const world = new World(4);
    const a = world.host('192.0.2.1:51820');
    const b = world.host('192.0.2.2:51820');
    a.addPeer(b, ['10.0.0.2/32']);
    b.addPeer(a, ['10.0.0.1/32']);
    choose(a, b, '203.0.113.9:9', 0);
    a.send(AB(1));
    world.run(500);
    expect(b.received).toEqual([]);
    choose(a, b, b.address, world.now);
    world.run(10);
    expect(b.received.map(numberOf)).toEqual([1]);
    // The same initiation, once more: no limit on new ones had to pass.
    const initiations = world.sent.filter(({ bytes }) => bytes[0] === 1);
    expect(initiations.map(({ to }) => to)).toEqual(['203.0.113.9:9', b.address]);
    expect(initiations[0]?.bytes).toEqual(initiations[1]?.bytes);
  });

  it('of a peer that is gone is no error', () => {
    const world = new World(5);
    const [a, b] = world.pair();
    const slot = a.device.slotOf(b.publicKey) as number;
    a.device.configure({ peers: [{ publicKey: b.publicKey, remove: true }] }, 0);
    expect(a.device.slotOf(b.publicKey)).toBeUndefined();
    a.device.setPath(slot, UdpAddress.from(Uint8Array.of(1, 2, 3, 4), 5), false, 0);
  });
});
