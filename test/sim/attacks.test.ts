import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { clamp, cryptoReady, mac, publicKeyOf } from '../../agent/wireguard/crypto.ts';
import { publicIdentity } from '../../agent/wireguard/identity.ts';
import { type Datagram, type Host, ipv4, numberOf, prefix, World } from './world.ts';

beforeAll(cryptoReady);

const AB = (number = 0, length = 84) => ipv4('10.0.0.1', '10.0.0.2', length, number);
const BA = (number = 0, length = 84) => ipv4('10.0.0.2', '10.0.0.1', length, number);

function connected(seed: number) {
  const world = new World(seed);
  const [a, b] = world.pair();
  a.send(AB());
  world.run(10);
  b.send(BA());
  world.run(10);
  a.received.length = 0;
  b.received.length = 0;
  return { world, a, b };
}

/** The last datagram of a type that was sent by a host. */
function last(world: World, host: Host, type: number): Datagram {
  return world.sent.findLast(({ from, bytes }) => from === host.address && bytes[0] === type) as Datagram;
}

/** What is sent because of a call. */
function sentBy(world: World, act: () => void): Datagram[] {
  const before = world.sent.length;
  act();
  return world.sent.slice(before);
}

/** A message made to pass the check of mac1, which anybody who knows the recipient's public key can do. */
function withMac1(message: Uint8Array, recipient: Host): Uint8Array {
  const end = message.length - 32;
  message.set(mac(publicIdentity(recipient.publicKey).mac1Key, message.subarray(0, end)), end);
  return message;
}

describe('transport data under attack', () => {
  it('SEC-11: a replayed data packet is dropped and counted', () => {
    const { world, a, b } = connected(1);
    a.send(AB(5));
    world.run(10);
    const packet = last(world, a, 4);
    for (let i = 0; i < 3; i++) b.receive(packet.bytes, packet.from);
    expect(b.received.map(numberOf)).toEqual([5]);
    expect(b.peer().drops).toEqual({ replayed: 3 });
  });

  it.each([
    ['2^48', 0, 0x0001_0000],
    ['2^53', 0, 0x0020_0000],
    ['2^64 - 1', 0xffffffff, 0xffffffff],
  ])('SEC-12: a counter of %s is refused before anything is computed', (_name, low, high) => {
    const { world, a, b } = connected(2);
    const { bytes, from } = last(world, a, 4);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setUint32(8, low, true);
    view.setUint32(12, high, true);
    b.receive(bytes, from);
    expect(b.peer().drops).toEqual({ 'counter-limit': 1 });
  });

  it('SEC-13: an inner source outside the allowed IPs is dropped and counted, per peer', () => {
    const { world, a, b } = connected(3);
    a.send(ipv4('10.0.0.9', '10.0.0.2', 60));
    a.send(ipv4('10.0.0.2', '10.0.0.2', 60));
    world.run(10);
    expect(b.received).toEqual([]);
    expect(b.peer().drops).toEqual({ 'source-not-allowed': 2 });
  });

  it('SEC-13: a packet whose source belongs to another peer is dropped', () => {
    const { world, a, b } = connected(4);
    const c = world.host('192.0.2.3:51820');
    b.addPeer(c, ['10.0.0.3/32']);
    a.send(ipv4('10.0.0.3', '10.0.0.2', 60));
    world.run(10);
    expect(b.received).toEqual([]);
  });

  it('SEC-13: a network that two routers stand in for may be the source at either, and no part of it that is a third peer’s', () => {
    const { world, a, b } = connected(4);
    const [other, third] = [world.host('192.0.2.3:51820'), world.host('192.0.2.4:51820')];
    b.addPeer(other, ['10.9.0.0/16']);
    b.addPeer(third, ['10.9.3.0/24']);
    const standIns = (publicKeys: Uint8Array[]) =>
      b.device.configure({ standIns: [{ prefix: prefix('10.9.0.0/16'), publicKeys }] }, world.now);
    const arrives = (source: string) => {
      const before = b.received.length;
      a.send(ipv4(source, '10.0.0.2', 60));
      world.run(10);
      return b.received.length > before;
    };
    expect(arrives('10.9.1.1')).toBe(false);
    standIns([a.publicKey, other.publicKey]);
    expect(arrives('10.9.1.1')).toBe(true);
    expect(arrives('10.9.3.1')).toBe(false);
    expect(arrives('10.8.1.1')).toBe(false);
    standIns([other.publicKey]);
    expect(arrives('10.9.1.1')).toBe(false);
  });

  it('SEC-14: one bit flipped at any place of header or tag, and nothing reaches the tunnel', () => {
    const { world, a, b } = connected(5);
    world.filter = () => false;
    a.send(AB(1));
    const { bytes, from } = last(world, a, 4);
    const places = [
      ...Array(16).keys(),
      ...Array.from({ length: 16 }, (_, i) => bytes.length - 1 - i),
      16,
      40,
    ];
    for (const place of places) {
      for (let bit = 0; bit < 8; bit++) {
        const forged = bytes.slice();
        forged[place] = (forged[place] as number) ^ (1 << bit);
        b.receive(forged, from);
      }
    }
    expect(b.received).toEqual([]);
    b.receive(bytes, from);
    expect(b.received.map(numberOf)).toEqual([1]);
  });

  it('a forged packet does not move the endpoint', () => {
    const { world, a, b } = connected(6);
    const { bytes } = last(world, a, 4);
    bytes[20] = (bytes[20] as number) ^ 1;
    b.receive(bytes, '203.0.113.66:666');
    b.send(BA(1));
    expect(world.sent.at(-1)?.to).toBe(a.address);
  });

  it.each([
    ['longer than what came', (packet: Uint8Array) => new DataView(packet.buffer).setUint16(2, 200)],
    ['shorter than a header', (packet: Uint8Array) => new DataView(packet.buffer).setUint16(2, 19)],
    ['of no IP version', (packet: Uint8Array) => packet.fill(0x35, 0, 1)],
    ['IPv6 without room for its header', (packet: Uint8Array) => packet.fill(0x60, 0, 1)],
  ])('SEC-29: an inner packet %s costs a counter', (_name, spoil) => {
    const world = new World(7);
    const a = world.host('192.0.2.1:51820');
    const b = world.host('192.0.2.2:51820');
    a.addPeer(b, ['0.0.0.0/0', '::/0'], { endpoint: b.address });
    b.addPeer(a, ['0.0.0.0/0', '::/0']);
    const packet = ipv4('10.0.0.1', '10.0.0.2', 32);
    // A hostile peer is one whose own end does not check what it sends.
    a.send(packet);
    world.run(10);
    b.received.length = 0;
    spoil(packet);
    if ((packet[0] as number) >> 4 === 4) a.send(packet);
    else {
      const lawful = packet.slice();
      lawful[0] = 0x45;
      const { device } = a;
      const original = device.route.bind(device);
      device.route = (buffer, offset, length) => {
        const peer = original(buffer, offset, length);
        buffer.bytes[offset] = packet[0] as number;
        return peer;
      };
      a.send(lawful);
    }
    world.run(10);
    expect(b.received).toEqual([]);
    expect(b.peer().drops).toEqual({ 'malformed-packet': 1 });
  });

  it('SEC-24: payloads of every length from an IP header to the MTU arrive whole, padded to 16 or to the MTU', () => {
    const { world, a, b } = connected(8);
    const mtu = 1420;
    for (let length = 20; length <= mtu; length++) {
      a.send(AB(length, length));
      expect(world.sent.at(-1)?.bytes.length).toBe(Math.min(Math.ceil(length / 16) * 16, mtu) + 32);
      world.run(2);
      expect(b.received.at(-1)).toEqual(AB(length, length));
    }
    expect(b.received).toHaveLength(mtu - 19);
  });
});

describe('handshakes under attack', () => {
  it('SEC-15: an initiation with an equal or older timestamp gets no response', () => {
    const world = new World(20);
    const [a, b] = world.pair();
    a.send(AB());
    world.run(10);
    const first = last(world, a, 1);
    expect(sentBy(world, () => b.receive(first.bytes, first.from))).toEqual([]);
    world.run(200_000);
    a.send(AB());
    world.run(10);
    const second = last(world, a, 1);
    expect(second.bytes).not.toEqual(first.bytes);
    for (const old of [first, second])
      expect(sentBy(world, () => b.receive(old.bytes, old.from))).toEqual([]);
    expect(b.peer().drops).toEqual({ 'replayed-initiation': 3 });
  });

  it('SEC-15: of two initiations within 20 ms one gets a response', () => {
    const world = new World(21);
    const [a, b] = world.pair();
    world.filter = () => false;
    a.send(AB());
    world.run(6000);
    const [one, two] = world.sent.filter(({ bytes }) => bytes[0] === 1);
    const answers = sentBy(world, () => {
      b.receive(one?.bytes as Uint8Array, a.address);
      b.receive(two?.bytes as Uint8Array, a.address);
    });
    expect(answers.map(({ bytes }) => bytes[0])).toEqual([2]);
    expect(b.peer().drops).toEqual({ 'initiation-flood': 1 });
  });

  it('SEC-16: a peer whose static key has a low order is never answered, and never written to', () => {
    const world = new World(22);
    const b = world.host('192.0.2.2:51820');
    b.addPeer({ publicKey: new Uint8Array(32) }, ['10.0.0.1/32'], {
      endpoint: '192.0.2.1:51820',
      persistentKeepalive: 1,
    });
    b.send(BA());
    world.run(60_000);
    expect(world.sent).toEqual([]);
    expect(b.peer().drops).toEqual({ 'staged-given-up': 1 });
  });

  it('SEC-16: an ephemeral of zero gets no answer, with a valid mac1', () => {
    const { world, a, b } = connected(23);
    const initiation = last(world, a, 1).bytes;
    initiation.fill(0, 8, 40);
    expect(sentBy(world, () => b.receive(withMac1(initiation, b), a.address))).toEqual([]);
    expect(b.counter('bad-handshake')).toBe(1);
  });

  it('SEC-17: a replayed response in a live session is ignored, and nonces stay unique', () => {
    const { world, a, b } = connected(24);
    const response = last(world, b, 2);
    for (let i = 0; i < 5; i++) {
      a.send(AB(i));
      expect(sentBy(world, () => a.receive(response.bytes, response.from))).toEqual([]);
    }
    world.run(10);
    const nonces = world.sent
      .filter(({ from, bytes }) => from === a.address && bytes[0] === 4)
      .map(({ bytes }) => bytes.subarray(4, 16).join());
    expect(new Set(nonces).size).toBe(nonces.length);
    expect(a.counter('unexpected-response')).toBe(5);
    expect(b.received.map(numberOf)).toEqual([0, 1, 2, 3, 4]);
  });

  it('a forged response leaves the handshake usable', () => {
    const world = new World(25, { delay: 50 });
    const [a, b] = world.pair();
    a.send(AB(1));
    const forged = new Uint8Array(92);
    forged[0] = 2;
    forged.set(last(world, a, 1).bytes.subarray(4, 8), 8);
    forged.fill(9, 12, 60);
    a.receive(withMac1(forged, a), b.address);
    world.run(1000);
    expect(a.counter('bad-handshake')).toBe(1);
    expect(b.received.map(numberOf)).toEqual([1]);
    expect(world.count(1)).toBe(1);
  });

  it('SEC-18: initiations with a bad mac1 cause zero bytes to be sent', () => {
    const { world, a, b } = connected(26);
    const initiation = last(world, a, 1).bytes;
    for (let place = 116; place < 132; place++) {
      const forged = initiation.slice();
      forged[place] = (forged[place] as number) ^ 0x40;
      expect(sentBy(world, () => b.receive(forged, a.address))).toEqual([]);
    }
    expect(b.counter('bad-mac1')).toBe(16);
  });

  it('an initiation of a key that is no peer gets no answer', () => {
    const world = new World(27);
    const b = world.host('192.0.2.2:51820');
    const stranger = world.host('192.0.2.3:51820');
    stranger.addPeer(b, ['10.0.0.2/32'], { endpoint: b.address });
    stranger.send(ipv4('10.0.0.3', '10.0.0.2', 60));
    world.run(1000);
    expect(world.sent.filter(({ from }) => from === b.address)).toEqual([]);
    expect(b.counter('unknown-peer')).toBe(1);
  });
});

describe('under load', () => {
  /** Makes a host loaded for a second with initiations that anybody can make. */
  function flood(world: World, host: Host, count = 80): void {
    for (let i = 0; i < count; i++) {
      const message = new Uint8Array(148);
      world.random.fill(message);
      message.set([1, 0, 0, 0]);
      host.receive(withMac1(message, host), `203.0.113.${i % 250}:${1000 + i}`);
    }
  }

  it('SEC-19: a flood is answered with cookies, and a lawful peer connects within 10 s of its first try', () => {
    const world = new World(40);
    const [a, b] = world.pair();
    const stop = 20_000;
    const attack = () => {
      if (world.now >= stop) return;
      flood(world, b, 20);
      world.at(world.now + 100, attack);
    };
    attack();
    world.run(2000);
    expect(b.counter('sent-cookie-replies')).toBeGreaterThan(100);
    const began = world.now;
    a.send(AB(1));
    world.run(10_000);
    expect(b.received.map(numberOf)).toEqual([1]);
    expect(world.now - began).toBe(10_000);
    expect(world.now).toBeLessThan(stop);
  });

  it('SEC-20: a cookie of one address and port fails from another port', () => {
    const world = new World(41);
    const [a, b] = world.pair();
    flood(world, b);
    a.send(AB(1));
    world.run(100);
    world.filter = ({ to }) => to !== b.address;
    world.run(5400);
    const withCookie = last(world, a, 1);
    expect(withCookie.bytes.subarray(132).some((byte) => byte !== 0)).toBe(true);
    flood(world, b);
    const elsewhere = sentBy(world, () => b.receive(withCookie.bytes, '192.0.2.1:51821'));
    expect(elsewhere.map(({ bytes, to }) => [bytes[0], to])).toEqual([[3, '192.0.2.1:51821']]);
    const home = sentBy(world, () => b.receive(withCookie.bytes, a.address));
    expect(home.map(({ bytes }) => bytes[0])).toEqual([2]);
  });

  it('SEC-20: a cookie dies when the secret rotates', () => {
    const world = new World(42);
    const [a, b] = world.pair();
    flood(world, b);
    a.send(AB(1));
    world.run(100);
    world.filter = ({ to }) => to !== b.address;
    world.run(6000);
    const withCookie = last(world, a, 1);
    world.filter = () => false;
    world.run(120_000);
    flood(world, b);
    const answers = sentBy(world, () => b.receive(withCookie.bytes, a.address));
    expect(answers.map(({ bytes }) => bytes[0])).toEqual([3]);
  });

  it('SEC-21: a cookie reply never moves an endpoint, and one that answers nothing is dropped', () => {
    const world = new World(43);
    const [a, b] = world.pair();
    flood(world, b);
    world.filter = () => false;
    a.send(AB(1));
    const initiation = last(world, a, 1);
    const [reply] = sentBy(world, () => b.receive(initiation.bytes, a.address));
    expect(reply?.bytes[0]).toBe(3);
    a.receive(reply?.bytes as Uint8Array, '203.0.113.66:666');
    expect(a.peer().endpoint).toEqual({ address: Uint8Array.of(192, 0, 2, 2), port: 51820 });
    expect(a.counter('bad-cookie-reply')).toBe(0);
    a.receive(reply?.bytes as Uint8Array, b.address);
    expect(a.counter('bad-cookie-reply')).toBe(1);
  });

  it('a source that owns its address is limited to a burst of 5 and 20 a second', () => {
    const world = new World(44);
    const [a, b] = world.pair();
    flood(world, b);
    a.send(AB(1));
    world.run(100);
    world.filter = ({ to }) => to !== b.address;
    world.run(5400);
    const { bytes } = last(world, a, 1);
    flood(world, b);
    for (let i = 0; i < 10; i++) b.receive(bytes, a.address);
    expect(b.counter('rate-limited')).toBe(5);
  });

  it('SEC-23: nobody unauthenticated gets more bytes back than were sent, loaded or not', () => {
    for (const loaded of [false, true]) {
      const { world, a, b } = connected(45);
      const messages = [1, 2, 4].flatMap((type) =>
        world.sent.filter(({ to, bytes }) => (to === b.address || to === a.address) && bytes[0] === type),
      );
      world.run(30_000);
      if (loaded) flood(world, b);
      for (const { bytes } of messages) {
        const answers = sentBy(world, () => b.receive(bytes, '203.0.113.66:666'));
        const total = answers.reduce((sum, answer) => sum + answer.bytes.length, 0);
        expect(total).toBeLessThanOrEqual(bytes.length);
      }
    }
  });
});

describe('garbage', () => {
  it('of any length and content costs a counter, sends nothing and throws nothing', () => {
    const { world, a, b } = connected(60);
    const garbage = fc.tuple(fc.constantFrom(0, 1, 2, 3, 4, 5, 255), fc.uint8Array({ maxLength: 200 }));
    const sizes = fc.constantFrom(null, 31, 32, 64, 92, 148);
    fc.assert(
      fc.property(garbage, sizes, ([type, body], size) => {
        const bytes = new Uint8Array(size ?? body.length);
        bytes.set(body.subarray(0, bytes.length));
        if (bytes.length >= 4) bytes.set([type, 0, 0, 0]);
        expect(sentBy(world, () => b.receive(bytes, a.address))).toEqual([]);
      }),
      { numRuns: 2000 },
    );
    expect(b.received).toEqual([]);
    a.send(AB(1));
    world.run(10);
    expect(b.received.map(numberOf)).toEqual([1]);
  });

  it('a device without a private key answers nothing and counts', () => {
    const { world, a, b } = connected(61);
    b.device.configure({ privateKey: new Uint8Array(32) }, world.now);
    const initiation = last(world, a, 1);
    expect(sentBy(world, () => b.receive(initiation.bytes, initiation.from))).toEqual([]);
    expect(b.counter('no-private-key')).toBe(1);
  });

  it('keys drawn at random clamp to themselves', () => {
    const key = new Uint8Array(32).fill(255);
    const before = publicKeyOf(key);
    clamp(key);
    expect(publicKeyOf(key)).toEqual(before);
  });
});
