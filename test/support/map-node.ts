/** Nodes as the coordinator makes maps of them, for tests. */
import type { MapNode } from '../../coordinator/network/map.ts';

/** A member that is online, offers nothing and was granted nothing. */
export function aMapNode(id: string, changes: Partial<MapNode> = {}): MapNode {
  return {
    id,
    name: `name-${id}`,
    publicKey: `key-${id}`,
    address4: '100.64.0.1',
    address6: 'fd00::1',
    endpoints: [],
    tags: [],
    online: true,
    ephemeral: false,
    keyExpiresAt: 0,
    homeRelay: '',
    viewVersion: 1,
    offers: { routes: [], exitNode: false },
    offeredSegments: [],
    approvedSegments: [],
    approvedRoutes: [],
    preferredRoutes: [],
    exitNodeApproved: false,
    approved: true,
    disabled: false,
    ...changes,
  };
}
