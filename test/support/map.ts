/** Network maps for tests. */
import { randomBytes } from 'node:crypto';
import type { MapPeer, MapSelf, NetworkMap } from '../../agent/mesh/network-map.ts';

export function aSelf(changes: Partial<MapSelf> = {}): MapSelf {
  return {
    nodeId: 'self',
    name: 'self',
    addresses: ['100.64.0.1', 'fd00::1'],
    networkPrefixes: ['100.64.0.0/10', 'fd00::/48'],
    keyExpiresAt: 0,
    tags: [],
    approvedRoutes: [],
    exitNodeApproved: false,
    relays: [],
    stunServers: [],
    multicast: false,
    segments: [],
    mappings: [],
    notices: [],
    carriedDevices: [],
    ephemeral: false,
    ...changes,
  };
}

/** Peer number `n`, 2 to 254; its node id is `node-00N`. */
export function aPeer(n: number, changes: Partial<MapPeer> = {}): MapPeer {
  return {
    nodeId: `node-${String(n).padStart(3, '0')}`,
    name: `peer${n}`,
    addresses: [`100.64.0.${n}`, `fd00::${n.toString(16)}`],
    publicKey: randomBytes(32).toString('base64'),
    endpoints: [`192.0.2.${n}:51820`],
    routes: [],
    exitNode: false,
    tags: [],
    keyExpiresAt: 0,
    online: true,
    homeRelay: '',
    mappings: [],
    preferredRoutes: [],
    segments: [],
    ...changes,
  };
}

export function aMap(peers: MapPeer[], self: Partial<MapSelf> = {}): NetworkMap {
  return { epoch: 'epoch', version: 7, self: aSelf(self), peers };
}
