import { describe, expect, it } from 'vitest';
import { applyDelta, checkMap, mapFromSnapshot, type NetworkMap } from '../../../agent/mesh/network-map.ts';
import { type Delta, Peer, type Self, type Snapshot } from '../../../proto/gen/warren.ts';
import { aMap, aPeer, aSelf } from '../../support/map.ts';

const selfMessage = (changes: Partial<Self> = {}): Self => ({
  ...aSelf(),
  keyExpiresAt: 0n,
  serverTime: 5n,
  observedAddress: '192.0.2.99',
  dns: undefined,
  ...changes,
});

function peerMessage(n: number, changes: Partial<Peer> = {}): Peer {
  const peer = aPeer(n);
  return { ...peer, publicKey: Buffer.alloc(32, n), keyExpiresAt: 0n, ...changes };
}

const snapshot = (changes: Partial<Snapshot> = {}): Snapshot => ({
  epoch: 'epoch',
  version: 7n,
  self: selfMessage(),
  peers: [peerMessage(3), peerMessage(2)],
  ...changes,
});

const delta = (changes: Partial<Delta> = {}): Delta => ({
  fromVersion: 7n,
  version: 8n,
  self: undefined,
  peers: [],
  removedNodeIds: [],
  ...changes,
});

describe('the network map', () => {
  it('of a snapshot is plain data, sorted, that survives being written as JSON', () => {
    const map = mapFromSnapshot(snapshot());
    expect(map.peers.map((peer) => peer.nodeId)).toEqual(['node-002', 'node-003']);
    expect(map.peers[0]?.publicKey).toBe(Buffer.alloc(32, 2).toString('base64'));
    expect(checkMap(JSON.parse(JSON.stringify(map)))).toEqual(map);
  });

  it.each<[string, Partial<Snapshot>]>([
    ['no self', { self: undefined }],
    ['an own address that is none', { self: selfMessage({ addresses: ['100.64.0'] }) }],
    ['no own address', { self: selfMessage({ addresses: [] }) }],
    ['a short key', { peers: [peerMessage(2, { publicKey: Buffer.alloc(31) })] }],
    ['an endpoint with a name', { peers: [peerMessage(2, { endpoints: ['localhost:1'] })] }],
    ['an endpoint with port 0', { peers: [peerMessage(2, { endpoints: ['192.0.2.1:0'] })] }],
    ['a route with host bits', { peers: [peerMessage(2, { routes: ['10.0.0.1/8'] })] }],
    ['a route that is an option', { peers: [peerMessage(2, { routes: ['-h'] })] }],
    ['an address with a shell character', { peers: [peerMessage(2, { addresses: ['100.64.0.2;id'] })] }],
  ])('SEC-64: a snapshot with %s is refused', (_what, changes) => {
    expect(() => mapFromSnapshot(snapshot(changes))).toThrowError(
      expect.objectContaining({
        code: 'corrupt',
        message: expect.stringContaining("the coordinator's network map"),
      }),
    );
  });

  it.each([null, 'map', {}, { ...aMap([]), self: null }, { ...aMap([]), version: -1 }])(
    'a saved map that is not one is refused: %j',
    (value) => {
      expect(() => checkMap(value)).toThrowError(expect.objectContaining({ code: 'corrupt' }));
    },
  );

  it('that an older release saved, or an older coordinator sent, prefers nobody', () => {
    const { preferredRoutes: _, ...peer } = aPeer(2, { routes: ['10.1.0.0/16'] });
    expect(checkMap({ ...aMap([]), peers: [peer] }).peers[0]?.preferredRoutes).toEqual([]);
    const old = Peer.decode(Peer.encode(peerMessage(2)).finish());
    expect(mapFromSnapshot(snapshot({ peers: [old] })).peers[0]?.preferredRoutes).toEqual([]);
    const sent = peerMessage(2, { routes: ['10.1.0.0/16'], preferredRoutes: ['10.1.0.0/16'] });
    const got = Peer.decode(Peer.encode(sent).finish());
    expect(mapFromSnapshot(snapshot({ peers: [got] })).peers[0]?.preferredRoutes).toEqual(['10.1.0.0/16']);
  });

  describe('after a difference', () => {
    const before = mapFromSnapshot(snapshot());

    it('has what came, without what went, and leaves the map of before alone', () => {
      const copy = structuredClone(before);
      const after = applyDelta(
        before,
        delta({ peers: [peerMessage(4), peerMessage(3, { online: false })], removedNodeIds: ['node-002'] }),
      );
      expect(after.peers.map((peer) => [peer.nodeId, peer.online])).toEqual([
        ['node-003', false],
        ['node-004', true],
      ]);
      expect(after.version).toBe(8);
      expect(after.self).toEqual(before.self);
      expect(before).toEqual(copy);
    });

    it('applied twice is the same as once', () => {
      const change = delta({ peers: [peerMessage(4)], removedNodeIds: ['node-002', 'node-099'] });
      const once = applyDelta(before, change);
      expect(applyDelta(once, change)).toEqual(once);
    });

    it('has the new self where one came', () => {
      const after = applyDelta(before, delta({ self: selfMessage({ name: 'renamed' }) }));
      expect(after.self.name).toBe('renamed');
    });

    it('that begins later than the map held is refused: something is missing', () => {
      expect(() => applyDelta(before, delta({ fromVersion: 8n, version: 9n }))).toThrowError(
        /left out a part/,
      );
    });

    it('equals the snapshot of the same state', () => {
      const after: NetworkMap = applyDelta(
        before,
        delta({ peers: [peerMessage(9)], removedNodeIds: ['node-003'] }),
      );
      expect(after.peers.map((peer) => peer.publicKey)).toEqual(
        mapFromSnapshot(snapshot({ peers: [peerMessage(9), peerMessage(2)] })).peers.map(
          (peer) => peer.publicKey,
        ),
      );
    });

    it.each<[string, Partial<Delta>]>([
      ['a peer', { peers: [peerMessage(2, { publicKey: Buffer.alloc(0) })] }],
      ['the self', { self: selfMessage({ networkPrefixes: [] }) }],
    ])('with a bad part in %s is refused whole', (_what, changes) => {
      expect(() => applyDelta(before, delta(changes))).toThrowError(
        expect.objectContaining({ code: 'corrupt' }),
      );
    });
  });
});
