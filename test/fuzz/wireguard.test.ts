/** Datagrams from anybody, to a device with a live session, and with several workers. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { cryptoReady } from '../../agent/wireguard/crypto.ts';
import { INITIATION, messageType, RESPONSE, TRANSPORT } from '../../agent/wireguard/messages.ts';
import { type Host, World } from '../sim/world.ts';
import { makePacket } from '../support/packets.ts';
import { bytes } from '../support/random-traffic.ts';
import { fuzz, noise, spoiled } from './fuzz.ts';

beforeAll(() => cryptoReady());

/** From host a's to host b's inner address, or back. */
function packet(from: number, to: number, length: number): Uint8Array {
  const made = makePacket({ family: 4, protocol: 'udp', payload: bytes(length, 3) });
  made.set([10, 0, 0, from], 12);
  made.set([10, 0, 0, to], 16);
  return made;
}

/** A pair with a session, and every datagram that made and used it. */
function establish(workers: number): { world: World; a: Host; b: Host; recorded: Uint8Array[] } {
  const world = new World(29);
  world.workers = workers;
  const [a, b] = world.pair();
  a.send(packet(1, 2, 100));
  world.run(1000);
  b.send(packet(2, 1, 333));
  world.run(1000);
  expect(b.received.length).toBe(1);
  return { world, a, b, recorded: world.sent.map((datagram) => datagram.bytes) };
}

describe.each([1, 2])('datagrams from the network, %i workers', (workers) => {
  it('what nobody with a key sealed changes nothing: no packet, no session, no endpoint; and each is counted', () => {
    const { world, a, b, recorded } = establish(workers);
    const types = new Set(recorded.map((datagram) => datagram[0]));
    expect([...types].sort()).toEqual([1, 2, 4]);
    const received = b.received.length;
    const handshake = b.peer().lastHandshake;
    const hostile = fc.oneof(
      noise(200),
      // Also with a receiver index that is b's and a counter that is new.
      spoiled(fc.constantFrom(...recorded)),
      fc.tuple(noise(1500), fc.integer({ min: 1, max: 4 })).map(([datagram, type]) => {
        const known = recorded.find((each) => each[0] === 4) as Uint8Array;
        return Uint8Array.of(type, 0, 0, 0, ...known.subarray(4, 8), ...datagram);
      }),
    );
    const counted = () => Object.values(b.device.snapshot().counters).reduce((sum, count) => sum + count, 0);
    let dropped = 0;
    const before = counted();
    fuzz(hostile, 3_000, (datagram) => {
      // A datagram as it was is no forgery.
      if (recorded.some((each) => Buffer.compare(each, datagram) === 0)) return;
      dropped++;
      world.now += 1;
      b.receive(datagram, '203.0.113.9:999');
      b.advance();
      expect(b.received.length).toBe(received);
    });
    // Followers report ten times a second.
    world.run(500);
    expect(counted() - before).toBeGreaterThanOrEqual(dropped);
    expect(b.peer().lastHandshake).toEqual(handshake);
    expect(b.peer().endpoint?.port).toBe(51820);
    // The session lives.
    a.send(packet(1, 2, 50));
    world.run(100);
    expect(b.received.length).toBe(received + 1);
  });

  it('inner packets of any kind from an authentic peer, and from the tunnel, are passed, dropped or counted', () => {
    const { world, a, b } = establish(workers);
    fuzz(
      fc.oneof(noise(200), spoiled(fc.constantFrom(packet(1, 2, 100), packet(1, 2, 0)))),
      1_500,
      (inner) => {
        if (inner.length > 1420) return;
        const before = b.received.length;
        a.send(inner);
        world.run(5);
        for (const got of b.received.slice(before)) {
          // Only what the peer may send comes out, cut to the length that it says.
          expect([...got.subarray(12, 16)]).toEqual([10, 0, 0, 1]);
          expect(got.length).toBe(new DataView(got.buffer, got.byteOffset).getUint16(2));
          // The receiver knows the length with its padding (5.4.6).
          expect(got.length).toBeLessThanOrEqual((inner.length + 15) & ~15);
        }
      },
    );
    a.send(packet(1, 2, 50));
    const before = b.received.length;
    world.run(100);
    expect(b.received.length).toBe(before + 1);
  });
});

describe('types of messages', () => {
  it('no other length than its own makes a handshake message', () => {
    fuzz(fc.tuple(noise(200), fc.nat(5)), 3_000, ([datagram, type]) => {
      if (datagram.length >= 4) datagram.set([type, 0, 0, 0]);
      const found = messageType(new DataView(datagram.buffer), 0, datagram.length);
      if (found === 1) expect(datagram.length).toBe(INITIATION.size);
      if (found === 2) expect(datagram.length).toBe(RESPONSE.size);
      if (found === 3) expect(datagram.length).toBe(64);
      if (found === 4) expect(datagram.length).toBeGreaterThanOrEqual(TRANSPORT.overhead);
      expect([0, type]).toContain(found);
    });
  });
});
