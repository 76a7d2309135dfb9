import { describe, expect, it } from 'vitest';
import { relayAddress } from '../../agent/paths/relay-address.ts';
import { statusOf } from '../../agent/status.ts';
import type { PeerSnapshot } from '../../agent/wireguard/configuration.ts';
import { keyFromBase64 } from '../../shared/key.ts';
import { parsePrefix } from '../../shared/prefix.ts';
import { aMap, aPeer } from '../support/map.ts';

const NOW = Date.UTC(2026, 0, 1);
const peer = aPeer(2, { online: false });

const deviceOf = (changes: Partial<PeerSnapshot> = {}): PeerSnapshot => ({
  publicKey: keyFromBase64(peer.publicKey) as Uint8Array,
  presharedKey: null,
  endpoint: { address: Uint8Array.of(192, 0, 2, 7), port: 51820 },
  lastHandshake: NOW - 1000,
  rxBytes: 10,
  txBytes: 20,
  persistentKeepalive: 0,
  allowedIps: [parsePrefix('100.64.0.2/32')!],
  drops: { 'source-not-allowed': 2 },
  ...changes,
});

function status(devices: PeerSnapshot[], map = aMap([peer]) as ReturnType<typeof aMap> | null) {
  const privateKey = new Uint8Array(32).fill(7);
  const result = statusOf({
    map,
    identity: { name: 'before', addresses: ['100.64.0.1'], publicKey: 'own' },
    facts: {
      interfaceName: 'warren0',
      driver: 'linux',
      workers: 1,
      cipher: 'OpenSSL',
      tellsNetworkChanges: true,
      offloads: { 'tun-tso': true, 'tun-uso': false, 'udp-gso': true, 'udp-gro': true },
      notes: [],
    },
    snapshot: {
      paths: new Map(),
      listenPort: 51820,
      fwmark: 0,
      device: { privateKey, publicKey: null, peers: devices, counters: { replayed: 3 } },
    },
    connected: true,
    endpoints: ['192.0.2.1:51820'],
    relays: [],
    nat: null,
    outside: [],
    portMapping: null,
    names: null,
    exit: { chosen: null, offered: [] },
    routing: { routes: [], advertised: [], notices: [] },
    latencies: new Map([[peer.nodeId, 1.25]]),
    now: NOW,
  });
  return { result, privateKey };
}

describe('the status of an agent', () => {
  it('has the shape that scripts rely on', () => {
    const { result, privateKey } = status([deviceOf()]);
    expect(result.self).toMatchObject({
      name: 'self',
      addresses: ['100.64.0.1', 'fd00::1'],
      publicKey: 'own',
      interface: 'warren0',
      listenPort: 51820,
      coordinator: 'connected',
      endpoints: ['192.0.2.1:51820'],
    });
    expect(result.peers).toEqual([
      {
        name: 'peer2',
        addresses: ['100.64.0.2', 'fd00::2'],
        publicKey: peer.publicKey,
        online: false,
        device: false,
        via: null,
        path: 'direct',
        endpoint: '192.0.2.7:51820',
        pathDetails: null,
        latencyMs: 1.25,
        lastHandshake: '2025-12-31T23:59:59.000Z',
        rxBytes: 10,
        txBytes: 20,
        allowedIps: ['100.64.0.2/32'],
        dropped: { 'source-not-allowed': 2 },
      },
    ]);
    // The snapshot's key is not kept, nor told.
    expect(privateKey.every((byte) => byte === 0)).toBe(true);
  });

  it.each<[string, Partial<PeerSnapshot>, string]>([
    ['a handshake of now: direct', {}, 'direct'],
    ['a handshake of three minutes ago: none', { lastHandshake: NOW - 180_000 }, 'none'],
    ['no handshake: none', { lastHandshake: 0 }, 'none'],
    ['no endpoint: none', { endpoint: null }, 'none'],
    [
      'the relay in the place of an endpoint: relay',
      { endpoint: { address: relayAddress(3).addressBytes(), port: 0 } },
      'relay',
    ],
  ])('%s', (_what, changes, path) => {
    expect(status([deviceOf(changes)]).result.peers[0]?.path).toBe(path);
  });

  it('a peer that the tunnel does not have carries nothing', () => {
    expect(status([]).result.peers[0]).toMatchObject({
      path: 'none',
      endpoint: null,
      lastHandshake: null,
      allowedIps: [],
    });
  });

  it('before any map there is the node as it joined', () => {
    const { result } = status([], null);
    expect(result.self).toMatchObject({ name: 'before', addresses: ['100.64.0.1'] });
    expect(result.peers).toEqual([]);
  });
});
