import { beforeAll, describe, expect, it } from 'vitest';
import { cryptoReady } from '../../agent/wireguard/crypto.ts';
import { ipv4, ipv6, numberOf, World } from './world.ts';

beforeAll(cryptoReady);

const AB = (number = 0, length = 84) => ipv4('10.0.0.1', '10.0.0.2', length, number);
const BA = (number = 0, length = 84) => ipv4('10.0.0.2', '10.0.0.1', length, number);

describe('a session between two hosts', () => {
  it('comes up for the first packet and delivers it, with an initiation, a response and the packet as confirmation', () => {
    const world = new World(1);
    const [a, b] = world.pair();
    a.send(AB(7));
    world.run(100);
    expect(b.received).toEqual([AB(7)]);
    expect(world.sent.map((datagram) => datagram.bytes.length)).toEqual([148, 92, 96 + 32]);
    b.send(BA(8));
    world.run(100);
    expect(a.received).toEqual([BA(8)]);
    expect(a.peer().lastHandshake).toBeGreaterThan(0);
    expect(b.peer().lastHandshake).toBeGreaterThan(0);
  });

  it('carries IPv6 inside, over IPv6 outside', () => {
    const world = new World(1);
    const a = world.host('[2001:db8:0:0:0:0:0:1]:51820');
    const b = world.host('[2001:db8:0:0:0:0:0:2]:51820');
    a.addPeer(b, ['fd00::2/128'], { endpoint: b.address });
    b.addPeer(a, ['fd00::1/128']);
    a.send(ipv6('fd00::1', 'fd00::2', 100));
    world.run(100);
    expect(b.received).toEqual([ipv6('fd00::1', 'fd00::2', 100)]);
  });

  it('needs the same preshared key at both ends', () => {
    const world = new World(2);
    const [a, b] = world.pair();
    const key = new Uint8Array(32).fill(5);
    a.addPeer(b, [], { presharedKey: key });
    a.send(AB(1));
    world.run(1000);
    expect(b.received).toEqual([]);
    b.addPeer(a, [], { presharedKey: key });
    world.run(10_000);
    expect(b.received.map(numberOf)).toEqual([1]);
  });

  it('keeps packets in order while the handshake runs, at most 128, the oldest dropped and counted', () => {
    const world = new World(3, { delay: 50 });
    const [a, b] = world.pair();
    for (let i = 0; i < 150; i++) a.send(AB(i));
    world.run(1000);
    expect(b.received.map(numberOf)).toEqual(Array.from({ length: 128 }, (_, i) => i + 22));
    expect(a.peer().drops).toEqual({ 'staged-overflow': 22 });
  });

  it('does not begin for a packet without a route, which is counted', () => {
    const world = new World(4);
    const [a] = world.pair();
    a.send(ipv4('10.0.0.1', '10.0.0.3', 60));
    a.send(new Uint8Array(60));
    a.send(ipv4('10.0.0.1', '10.0.0.2', 60).subarray(0, 19));
    world.run(1000);
    expect(world.sent).toEqual([]);
    expect(a.device.snapshot().counters).toEqual({ 'no-route': 1, 'malformed-outbound': 2 });
  });

  it.each([1, 2, 3, 4, 5])('survives two initiations at the same moment without waiting, seed %d', (seed) => {
    const world = new World(seed, { delay: 20 });
    const [a, b] = world.pair();
    a.send(AB(1));
    b.send(BA(2));
    world.run(100);
    expect(a.received.map(numberOf)).toEqual([2]);
    expect(b.received.map(numberOf)).toEqual([1]);
    a.send(AB(3));
    b.send(BA(4));
    world.run(100);
    expect(a.received.map(numberOf)).toEqual([2, 4]);
    expect(b.received.map(numberOf)).toEqual([1, 3]);
    expect(world.count(1)).toBe(2);
  });

  it('the responder does not use a session that the initiator has not confirmed', () => {
    const world = new World(6);
    const [a, b] = world.pair();
    world.filter = (datagram) => datagram.bytes[0] !== 4;
    a.send(AB(1));
    world.run(100);
    b.send(BA(2));
    world.run(100);
    expect(world.sent.filter(({ from, bytes }) => from === b.address && bytes[0] === 4)).toEqual([]);
  });

  it('a peer that moves is followed by its next authenticated packet, a keepalive too', () => {
    const world = new World(7);
    const [a, b] = world.pair();
    a.send(AB(1));
    world.run(100);
    a.address = '198.51.100.9:4000';
    a.addPeer(b, [], { persistentKeepalive: 1 });
    world.run(1200);
    b.send(BA(2));
    world.run(100);
    expect(world.sent.at(-1)?.to).toBe('198.51.100.9:4000');
    expect(a.received.map(numberOf)).toEqual([2]);
    expect(b.events.at(-1)).toEqual({
      kind: 'endpoint-changed',
      publicKey: a.publicKey,
      address: Uint8Array.of(198, 51, 100, 9),
      port: 4000,
    });
  });
});

describe('candidates', () => {
  it('all get the initiation while none is confirmed, and the first to answer becomes the endpoint', () => {
    const world = new World(10);
    const a = world.host('192.0.2.1:51820');
    const b = world.host('192.0.2.2:51820');
    const dead = ['203.0.113.1:1', '203.0.113.2:2'];
    a.addPeer(b, ['10.0.0.2/32'], { endpoint: '203.0.113.9:9', candidates: [...dead, b.address] });
    b.addPeer(a, ['10.0.0.1/32']);
    a.send(AB(1));
    world.run(100);
    expect(world.sent.filter(({ bytes }) => bytes[0] === 1).map(({ to }) => to)).toEqual([
      '203.0.113.9:9',
      ...dead,
      b.address,
    ]);
    expect(b.received.map(numberOf)).toEqual([1]);
    expect(a.peer().endpoint).toEqual({ address: Uint8Array.of(192, 0, 2, 2), port: 51820 });
  });

  it('are left alone once an endpoint is confirmed, and tried again when it stops answering', () => {
    const world = new World(11);
    const [a, b] = world.pair();
    a.addPeer(b, [], { candidates: ['198.51.100.2:51820'] });
    a.send(AB(1));
    world.run(130_000);
    world.sent.length = 0;
    b.address = '198.51.100.2:51820';
    a.send(AB(2));
    world.run(1000);
    expect(world.sent.filter(({ bytes }) => bytes[0] === 1).map(({ to }) => to)).toEqual(['192.0.2.2:51820']);
    world.run(6000);
    a.send(AB(3));
    world.run(1000);
    expect(b.received.map(numberOf)).toContain(3);
  });

  it('that become known while an initiation is unanswered get it at once', () => {
    const world = new World(12);
    const [a, b] = world.pair();
    b.address = '198.51.100.2:51820';
    a.send(AB(1));
    world.run(1000);
    a.addPeer(b, [], { candidates: [b.address] });
    world.run(10);
    expect(b.received.map(numberOf)).toEqual([1]);
  });

  it('let packets wait that came before any endpoint was known', () => {
    const world = new World(13);
    const a = world.host('192.0.2.1:51820');
    const b = world.host('192.0.2.2:51820');
    a.addPeer(b, ['10.0.0.2/32']);
    b.addPeer(a, ['10.0.0.1/32']);
    a.send(AB(1));
    world.run(2000);
    expect(world.sent).toEqual([]);
    a.addPeer(b, [], { endpoint: b.address });
    world.run(10);
    expect(b.received.map(numberOf)).toEqual([1]);
  });

  it('beyond the eighth are not used', () => {
    const world = new World(14);
    const a = world.host('192.0.2.1:51820');
    const b = world.host('192.0.2.2:51820');
    const candidates = Array.from({ length: 20 }, (_, i) => `203.0.113.${i + 1}:7`);
    a.addPeer(b, ['10.0.0.2/32'], { candidates });
    a.send(AB(1));
    world.run(10);
    expect(world.sent.map(({ to }) => to)).toEqual(candidates.slice(0, 8));
  });
});
