import { beforeAll, describe, expect, it } from 'vitest';
import type { DeviceChange } from '../../../agent/wireguard/configuration.ts';
import { cryptoReady } from '../../../agent/wireguard/crypto.ts';
import { paddedLength } from '../../../agent/wireguard/transport.ts';
import { formatPrefix } from '../../../shared/prefix.ts';
import { endpoint, type Host, ipv4, prefix, World } from '../../sim/world.ts';

beforeAll(cryptoReady);

const key = (byte: number) => new Uint8Array(32).fill(byte);

function setup(): { world: World; host: Host; set: (change: DeviceChange) => void } {
  const world = new World(1);
  const host = world.host('192.0.2.1:51820');
  return { world, host, set: (change) => host.device.configure(change, world.now) };
}

function allowed(host: Host): Record<string, string[]> {
  return Object.fromEntries(
    host.device
      .snapshot()
      .peers.map(({ publicKey, allowedIps }) => [`${publicKey[0]}`, allowedIps.map(formatPrefix)]),
  );
}

describe('configuring a device', () => {
  it('shows what was set, and nothing that was not', () => {
    const { host, set } = setup();
    set({
      peers: [
        {
          publicKey: key(1),
          presharedKey: key(9),
          endpoint: { ...endpoint('[fe80::1]:5'), scope: 3 },
          persistentKeepalive: 25,
          allowedIps: [{ prefix: prefix('10.0.0.0/8') }, { prefix: prefix('fd00::/8') }],
        },
        { publicKey: key(2) },
      ],
    });
    const { privateKey, publicKey, peers } = host.device.snapshot();
    expect(privateKey).toEqual(host.privateKey);
    expect(publicKey).toEqual(host.publicKey);
    const silent = { lastHandshake: 0, rxBytes: 0, drops: {} };
    expect(peers).toEqual([
      {
        ...silent,
        publicKey: key(1),
        presharedKey: key(9),
        endpoint: { ...endpoint('[fe80::1]:5'), scope: 3 },
        txBytes: 148,
        persistentKeepalive: 25,
        allowedIps: [prefix('10.0.0.0/8'), prefix('fd00::/8')],
      },
      {
        ...silent,
        publicKey: key(2),
        presharedKey: null,
        endpoint: null,
        txBytes: 0,
        persistentKeepalive: 0,
        allowedIps: [],
      },
    ]);
  });

  it('what is absent stays as it is', () => {
    const { host, set } = setup();
    set({ peers: [{ publicKey: key(1), presharedKey: key(9), endpoint: endpoint('192.0.2.9:9') }] });
    set({ peers: [{ publicKey: key(1), persistentKeepalive: 0 }] });
    expect(host.peer()).toMatchObject({ presharedKey: key(9), endpoint: endpoint('192.0.2.9:9') });
    set({ peers: [{ publicKey: key(1), presharedKey: key(0) }] });
    expect(host.peer().presharedKey).toBeNull();
  });

  it('an allowed IP given to another peer leaves the first', () => {
    const { host, set } = setup();
    const allowedIps = [{ prefix: prefix('10.0.0.0/8') }];
    set({ peers: [{ publicKey: key(1), allowedIps }] });
    set({ peers: [{ publicKey: key(2), allowedIps }] });
    expect(allowed(host)).toEqual({ 1: [], 2: ['10.0.0.0/8'] });
    set({ peers: [{ publicKey: key(1), allowedIps: [{ prefix: prefix('10.0.0.0/8'), remove: true }] }] });
    expect(allowed(host)).toEqual({ 1: [], 2: ['10.0.0.0/8'] });
    set({ peers: [{ publicKey: key(2), allowedIps: [{ prefix: prefix('10.0.0.0/8'), remove: true }] }] });
    expect(allowed(host)).toEqual({ 1: [], 2: [] });
  });

  it('allowed IPs are replaced only when that is asked for', () => {
    const { host, set } = setup();
    set({ peers: [{ publicKey: key(1), allowedIps: [{ prefix: prefix('10.0.0.0/8') }] }] });
    set({ peers: [{ publicKey: key(1), allowedIps: [{ prefix: prefix('11.0.0.0/8') }] }] });
    expect(allowed(host)).toEqual({ 1: ['10.0.0.0/8', '11.0.0.0/8'] });
    set({
      peers: [{ publicKey: key(1), replaceAllowedIps: true, allowedIps: [{ prefix: prefix('12.0.0.0/8') }] }],
    });
    expect(allowed(host)).toEqual({ 1: ['12.0.0.0/8'] });
    host.send(ipv4('9.9.9.9', '10.1.1.1', 60));
    expect(host.counter('no-route')).toBe(1);
  });

  it('updateOnly makes no peer, remove removes one with its routes, replacePeers removes the others', () => {
    const { host, set } = setup();
    set({ peers: [{ publicKey: key(1), updateOnly: true }] });
    expect(allowed(host)).toEqual({});
    set({
      peers: [{ publicKey: key(1), allowedIps: [{ prefix: prefix('10.0.0.0/8') }] }, { publicKey: key(2) }],
    });
    set({
      peers: [
        { publicKey: key(1), remove: true },
        { publicKey: key(7), remove: true },
      ],
    });
    expect(allowed(host)).toEqual({ 2: [] });
    host.send(ipv4('9.9.9.9', '10.1.1.1', 60));
    expect(host.counter('no-route')).toBe(1);
    set({ replacePeers: true, peers: [{ publicKey: key(3) }] });
    expect(allowed(host)).toEqual({ 3: [] });
  });

  it('a device is no peer of its own, whichever key comes first', () => {
    const { world, host, set } = setup();
    set({ peers: [{ publicKey: host.publicKey }] });
    expect(allowed(host)).toEqual({});
    const other = world.host('192.0.2.7:7');
    set({ peers: [{ publicKey: other.publicKey }, { publicKey: key(2) }] });
    set({ privateKey: other.privateKey });
    expect(allowed(host)).toEqual({ 2: [] });
  });

  it('a private key of zeros removes the key, and the sessions under it', () => {
    const world = new World(2);
    const [a, b] = world.pair();
    a.send(ipv4('10.0.0.1', '10.0.0.2', 60));
    world.run(100);
    a.device.configure({ privateKey: key(0) }, world.now);
    expect(a.device.snapshot()).toMatchObject({ privateKey: null, publicKey: null });
    b.send(ipv4('10.0.0.2', '10.0.0.1', 60));
    world.run(100);
    expect(a.received).toEqual([]);
  });

  it('setting the same private key again leaves sessions alone', () => {
    const world = new World(3);
    const [a, b] = world.pair();
    a.send(ipv4('10.0.0.1', '10.0.0.2', 60));
    world.run(100);
    a.device.configure({ privateKey: a.privateKey }, world.now);
    b.send(ipv4('10.0.0.2', '10.0.0.1', 60));
    world.run(100);
    expect(a.received).toHaveLength(1);
    expect(world.count(1)).toBe(1);
  });

  it('a key of a wrong length is refused before anything is changed', () => {
    const { host, set } = setup();
    expect(() => set({ replacePeers: true, peers: [{ publicKey: new Uint8Array(31) }] })).toThrow('32 bytes');
    expect(() => set({ privateKey: new Uint8Array(0) })).toThrow('32 bytes');
    expect(host.device.snapshot().privateKey).toEqual(host.privateKey);
  });

  it('closing wipes the keys that were handed to the ciphers and leaves no peer', () => {
    let live = 0;
    const world = new World(4);
    const [a] = world.pair({
      createCipher: () => {
        live++;
        return { seal: () => {}, open: () => true, destroy: () => void live-- };
      },
    });
    a.send(ipv4('10.0.0.1', '10.0.0.2', 60));
    world.run(100);
    expect(live).toBe(4);
    for (const host of world.hosts) host.device.close();
    expect(live).toBe(0);
    expect(a.device.snapshot()).toMatchObject({ privateKey: null, peers: [] });
    expect(a.device.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('padding', () => {
  it.each([
    [0, 1420, 0],
    [1, 1420, 16],
    [16, 1420, 16],
    [17, 1420, 32],
    [1408, 1420, 1408],
    [1409, 1420, 1420],
    [1420, 1420, 1420],
    [1421, 1420, 1436],
    [2840, 1420, 2840],
    [1421, 0, 1424],
  ])('%d bytes with an MTU of %d become %d', (length, mtu, padded) => {
    expect(paddedLength(length, mtu)).toBe(padded);
  });
});
