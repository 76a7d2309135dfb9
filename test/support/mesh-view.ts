/** A network in memory, for tests of what shows it: nodes that can be changed, and telemetry that can be told. */
import { DEFAULT_SETTINGS } from '../../coordinator/network/settings.ts';
import type { NetworkRecord } from '../../coordinator/store/contract/network.ts';
import type { NodeRecord } from '../../coordinator/store/contract/nodes.ts';
import type { MeshNodes } from '../../coordinator/telemetry/mesh-nodes.ts';
import { Telemetry } from '../../coordinator/telemetry/telemetry.ts';
import { PathKind, type PeerPath } from '../../proto/gen/warren.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';

/** Members that may meet but for those pairs that `apart` names. */
export class TestNodes implements MeshNodes {
  readonly members = new Map<string, NodeRecord>();
  readonly apart = new Set<string>();
  readonly listeners = new Set<() => void>();
  network: NetworkRecord = {
    epoch: 'epoch',
    prefix4: '100.64.0.0/10',
    prefix6: 'fd00::/48',
    version: 1,
    relays: [],
    settings: DEFAULT_SETTINGS,
    policy: null,
  };

  constructor(members: readonly NodeRecord[] = []) {
    for (const member of members) this.members.set(member.id, member);
  }

  nodes(): Iterable<NodeRecord> {
    return this.members.values();
  }

  node(id: string): NodeRecord | undefined {
    return this.members.get(id);
  }

  mayMeet(a: string, b: string): boolean {
    return a !== b && !this.apart.has(`${a} ${b}`) && !this.apart.has(`${b} ${a}`);
  }

  onMove(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** A network of these nodes, and its telemetry, to be closed by the caller. */
export function aMesh(
  members: readonly NodeRecord[] = [],
  clock: Clock = systemClock,
): { nodes: TestNodes; telemetry: Telemetry } {
  const nodes = new TestNodes(members);
  return { nodes, telemetry: new Telemetry(nodes, clock) };
}

export function aNode(id: string, changes: Partial<NodeRecord> = {}): NodeRecord {
  return {
    id,
    name: id,
    publicKey: '',
    address4: '100.64.0.1',
    address6: 'fd00::1',
    endpoints: [],
    listenPort: 51820,
    operatingSystem: 'linux',
    agentVersion: '0.1.0',
    offers: { routes: [], exitNode: false, tags: [] },
    approvedRoutes: [],
    preferredRoutes: [],
    offeredSegments: [],
    device: null,
    reachableEndpoints: [],
    acceptsRoutes: false,
    approvedSegments: [],
    exitNodeApproved: false,
    tags: [],
    ephemeral: false,
    online: true,
    createdAt: 0,
    lastSeenAt: 0,
    keyExpiresAt: 0,
    homeRelay: '',
    owner: '',
    ownerGroups: [],
    ownerRole: '',
    approved: true,
    disabled: false,
    version: 1,
    viewVersion: 1,
    ...changes,
  };
}

/** What an agent tells of a direct path to a node. */
export function aPath(nodeId: string, changes: Partial<PeerPath> = {}): PeerPath {
  return {
    nodeId,
    kind: PathKind.PATH_KIND_DIRECT,
    endpoint: '192.0.2.7:51820',
    latency: 1.5,
    receivedBytes: 0n,
    sentBytes: 0n,
    age: 0n,
    reason: 'it was the first way to answer',
    advice: '',
    ...changes,
  };
}
