import type { DeviceState } from '../../network/devices/device-file.ts';
import type { RouteMapping } from '../../network/grants.ts';
import type { Role } from '../../network/roles.ts';
import type { AuditActor } from './audit.ts';

/** The members of the network. A part of `Store`. */
export interface NodeStore {
  node(id: string): Promise<NodeRecord | null>;
  /** By name or by id. */
  findNode(nameOrId: string): Promise<NodeRecord | null>;
  listNodes(): Promise<NodeRecord[]>;
  /** What an agent reported of itself; bumps the version only if something visible to others changed. */
  putReport(nodeId: string, report: NodeReport, now: number): Promise<void>;
  /** Marks a node as connected to this coordinator instance, or not. */
  setOnline(nodeId: string, instance: string, online: boolean, now: number): Promise<void>;
  /** At start and end of an instance: whatever it had marked online no longer is. */
  clearOnline(instance: string, now: number): Promise<void>;
  /**
   * Changes what is given of a node, all of it or nothing; returns the node. `check` looks at the node before, in the same
   * transaction, and throws what is to stop it. Throws what `renameNode`, `setTags` and `setKeyExpiry` throw.
   */
  changeNode(
    nodeId: string,
    patch: NodePatch,
    now: number,
    audit: AuditActor,
    check?: (node: NodeRecord) => void,
  ): Promise<NodeRecord>;
  setTags(nodeId: string, tags: readonly string[], now: number, audit: AuditActor): Promise<void>;
  renameNode(nodeId: string, name: string, now: number, audit: AuditActor): Promise<void>;
  /** 0 for never. */
  setKeyExpiry(nodeId: string, expiresAt: number, now: number, audit: AuditActor): Promise<void>;
  removeNode(nodeId: string, now: number, audit: AuditActor): Promise<void>;
  /** Removes a node that was away at a time and ever since; false where it is back, or gone already. */
  removeIfAway(nodeId: string, since: number, now: number, audit: AuditActor): Promise<boolean>;
}

export interface NodeRecord {
  id: string;
  name: string;
  publicKey: string;
  address4: string;
  address6: string;
  endpoints: string[];
  listenPort: number;
  operatingSystem: string;
  agentVersion: string;
  /** What the node offers, and which part of it an administrator granted. */
  offers: Offers;
  approvedRoutes: string[];
  /** Those of the approved routes for which it goes before every other node that carries them. */
  preferredRoutes: string[];
  exitNodeApproved: boolean;
  tags: string[];
  ephemeral: boolean;
  online: boolean;
  createdAt: number;
  lastSeenAt: number;
  /** 0 for never. */
  keyExpiresAt: number;
  /** Id of the relay that it can be reached by; empty if it told none. */
  homeRelay: string;
  /** The user whose machine it is; empty for nobody's. */
  owner: string;
  /** Groups of the provider that the owner is in, as policies name them: `GROUP@ISSUER-HOST`. */
  ownerGroups: string[];
  /** The role of the owner's account; empty for nobody's, and while the account is disabled or not admitted any more. */
  ownerRole: Role | '';
  /** Names of layer 2 segments that the node would like to be a part of, and those that an administrator granted. */
  offeredSegments: string[];
  approvedSegments: string[];
  /** False while it waits for an administrator to let it in; then it sees nobody and nobody sees it. */
  approved: boolean;
  /** An administrator shut it out for now, which is the same. */
  disabled: boolean;
  /** Null for what runs an agent; else it runs plain WireGuard, with this file. */
  device: DeviceState | null;
  reachableEndpoints: string[];
  acceptsRoutes: boolean;
  /** The network's version at which anything visible to others last changed. */
  version: number;
  /** The network's version at which what this node itself may see last changed as a whole: a difference from before that is not enough. */
  viewVersion: number;
}

export interface Offers {
  /** Canonical CIDRs. */
  routes: string[];
  exitNode: boolean;
  tags: string[];
  /** Those of the routes that stand for another network at the node's site. Absent: none. */
  mappings?: RouteMapping[];
}

export interface NodeReport {
  endpoints: string[];
  listenPort: number;
  offers: Offers;
  /** Empty or absent: none. */
  homeRelay?: string;
  /** Names of layer 2 segments that it would like to be a part of; absent: none. */
  offeredSegments?: string[];
  /** Those of the endpoints at which any host can begin, best first; absent: none. */
  reachableEndpoints?: string[];
  /** Whether it sends what is for networks behind others there; absent: no. */
  acceptsRoutes?: boolean;
  operatingSystem: string;
  agentVersion: string;
}

/** What an administrator can change of a node at once; what is absent stays. */
export interface NodePatch {
  name?: string | undefined;
  tags?: readonly string[] | undefined;
  /** 0 for never. */
  keyExpiresAt?: number | undefined;
  approved?: boolean | undefined;
  disabled?: boolean | undefined;
}
