import { describe, expect, it } from 'vitest';
import {
  deltaFor,
  EVERYTHING,
  type MapChanges,
  type MapNode,
  type Sight,
  snapshotFor,
} from '../../../coordinator/network/map.ts';
import { DEFAULT_SETTINGS } from '../../../coordinator/network/settings.ts';
import { aMapNode } from '../../support/map-node.ts';

const NETWORK = {
  epoch: 'e',
  version: 9,
  prefix4: '100.64.0.0/10',
  prefix6: 'fd00::/48',
  relays: [],
  settings: DEFAULT_SETTINGS,
};

const node = (id: string, changes: Partial<MapNode> = {}): MapNode =>
  aMapNode(id, { endpoints: ['192.0.2.1:51820'], ...changes });

const changes = (changed: MapNode[], rest: Partial<MapChanges> = {}): MapChanges => ({
  epoch: 'e',
  version: 9,
  changed,
  removed: [],
  relays: null,
  settings: null,
  complete: true,
  ...rest,
});

const ROUTES = {
  offers: { routes: ['10.1.0.0/16', '10.2.0.0/16'], exitNode: true },
  approvedRoutes: ['10.2.0.0/16', '10.3.0.0/16'],
};

describe('the map of a node', () => {
  it('has itself and the others', () => {
    const map = snapshotFor(node('a'), NETWORK, [node('a'), node('b')], 0);
    expect(map).toMatchObject({
      epoch: 'e',
      version: 9,
      self: { nodeId: 'a', networkPrefixes: ['100.64.0.0/10', 'fd00::/48'] },
    });
    expect(map.peers.map((peer) => peer.nodeId)).toEqual(['b']);
    expect(map.peers[0]).toMatchObject({ publicKey: 'key-b', addresses: ['100.64.0.1', 'fd00::1'] });
  });

  it('has a plain WireGuard device as what it is, and whether it dials the one that is told', () => {
    const peers = ['hub', 'second'].map((nodeId) => ({
      nodeId,
      name: nodeId,
      publicKey: '',
      endpoint: '',
      allowedIps: [],
    }));
    const file = { addresses: [], resolvers: [], searchDomain: null, peers };
    const phone = node('phone', { device: { file, handedOutAt: 0, wantsNames: true }, endpoints: [] });
    const seenBy = (id: string) => snapshotFor(node(id), NETWORK, [phone], 0).peers[0]?.device;
    expect(seenBy('hub')).toEqual({ gateway: 'hub', direct: true });
    expect(seenBy('second')).toEqual({ gateway: 'hub', direct: true });
    expect(seenBy('other')).toEqual({ gateway: 'hub', direct: false });
    expect(snapshotFor(node('a'), NETWORK, [node('b')], 0).peers[0]?.device).toBeNull();
    const delta = deltaFor(node('second'), NETWORK, 8, changes([phone]), 0);
    expect(delta?.peers[0]?.device).toEqual({ gateway: 'hub', direct: true });
  });

  it('SEC-8: of routes and exits has only what is both offered and approved', () => {
    const peer = (granted: Partial<MapNode>) =>
      snapshotFor(node('a'), NETWORK, [node('b', granted)], 0).peers[0];
    expect(peer(ROUTES)).toMatchObject({ routes: ['10.2.0.0/16'], exitNode: false });
    expect(peer({ ...ROUTES, exitNodeApproved: true })).toMatchObject({ exitNode: true });
    expect(peer({ exitNodeApproved: true, approvedRoutes: ['10.1.0.0/16'] })).toMatchObject({
      routes: [],
      exitNode: false,
    });
    expect(snapshotFor(node('a', ROUTES), NETWORK, [], 0).self).toMatchObject({
      approvedRoutes: ['10.2.0.0/16'],
      exitNodeApproved: false,
    });
  });

  it('has for which routes a peer is preferred, of those that the viewer is told', () => {
    const router = node('b', {
      offers: { routes: ['10.1.0.0/16', '10.2.0.0/16'], exitNode: false },
      approvedRoutes: ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16'],
      preferredRoutes: ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16'],
    });
    const seenBy = (sight?: Sight) =>
      snapshotFor(node('a'), NETWORK, [router], 0, sight).peers[0]?.preferredRoutes;
    expect(seenBy()).toEqual(['10.1.0.0/16', '10.2.0.0/16']);
    const carriedBy = () => ({ routes: ['10.2.0.0/16'], exitNode: false });
    expect(seenBy({ ...EVERYTHING, carriedBy })).toEqual(['10.2.0.0/16']);
    expect(snapshotFor(node('a'), NETWORK, [node('b')], 0).peers[0]?.preferredRoutes).toEqual([]);
  });

  it('of segments has only what is both asked for and approved, with their identifiers for oneself', () => {
    const asks = { offeredSegments: ['dmz', 'lab'], approvedSegments: ['lab', 'old'] };
    const network = { ...NETWORK, settings: { ...DEFAULT_SETTINGS, segments: { dmz: 1, lab: 2, old: 3 } } };
    const map = snapshotFor(node('a', asks), network, [node('b', asks)], 0);
    expect(map.self.segments).toEqual([{ name: 'lab', vni: 2 }]);
    expect(map.peers[0]?.segments).toEqual(['lab']);
  });

  it('SEC-6: has nobody whose key has expired, and shows nobody to one whose own has', () => {
    const nodes = [node('a'), node('b', { keyExpiresAt: 100 }), node('c')];
    const seen = (viewer: MapNode, now: number) =>
      snapshotFor(viewer, NETWORK, nodes, now).peers.map((peer) => peer.nodeId);
    expect(seen(node('a'), 99)).toEqual(['b', 'c']);
    expect(seen(node('a'), 100)).toEqual(['c']);
    expect(seen(node('b', { keyExpiresAt: 100 }), 100)).toEqual([]);
  });
});

describe('a difference of maps', () => {
  it('has what changed and what is gone', () => {
    const delta = deltaFor(
      node('a'),
      NETWORK,
      5,
      changes([node('b'), node('c', { keyExpiresAt: 1 })], { removed: ['d'] }),
      2,
    );
    expect(delta).toMatchObject({
      fromVersion: 5,
      version: 9,
      peers: [{ nodeId: 'b' }],
      removedNodeIds: ['d', 'c'],
    });
    expect(delta).not.toHaveProperty('self');
  });

  it('has oneself when settings of the network changed', () => {
    const settings = { ...DEFAULT_SETTINGS, multicast: true };
    const delta = deltaFor(node('a'), NETWORK, 5, changes([], { settings }), 0);
    expect(delta?.self).toMatchObject({ nodeId: 'a', multicast: true });
  });

  it('has oneself only when oneself changed', () => {
    expect(deltaFor(node('a'), NETWORK, 5, changes([node('a')]), 0)).toMatchObject({
      self: { nodeId: 'a' },
      peers: [],
    });
  });

  it.each<[string, MapNode, MapChanges]>([
    ['the history is too short', node('a'), changes([], { complete: false })],
    ['the epoch is another', node('a'), changes([], { epoch: 'f' })],
    ['what the node may see changed as a whole', node('a', { viewVersion: 6 }), changes([])],
  ])('does not do when %s', (_, viewer, since) => expect(deltaFor(viewer, NETWORK, 5, since, 0)).toBeNull());

  describe('relays', () => {
    const stunServers = [{ host: '192.0.2.1', port: 3478, alternatePort: 3479 }];
    const relays = [
      { id: 'a', urls: ['https://192.0.2.1:8443'], tlsName: 'x', stunServers },
      { id: 'b', urls: ['https://192.0.2.1:9443'], tlsName: 'y', stunServers },
    ];

    it('stand in what a node is told of itself, each STUN server once', () => {
      const { self } = snapshotFor(node('a'), { ...NETWORK, relays }, [], 0);
      expect(self.relays).toEqual([
        { id: 'a', urls: ['https://192.0.2.1:8443'], tlsName: 'x' },
        { id: 'b', urls: ['https://192.0.2.1:9443'], tlsName: 'y' },
      ]);
      expect(self.stunServers).toEqual(stunServers);
    });

    it('that changed are a difference for everybody, those that did not for nobody', () => {
      const delta = deltaFor(node('a'), NETWORK, 8, changes([], { relays }), 0);
      expect(delta?.self?.relays.map(({ id }) => id)).toEqual(['a', 'b']);
      expect(deltaFor(node('a'), { ...NETWORK, relays }, 8, changes([]), 0)?.self).toBeUndefined();
    });
  });
});
