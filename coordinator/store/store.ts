/**
 * What the coordinator remembers, and the only way to it. SQLite and PostgreSQL implement it through one query layer and
 * pass one conformance suite. Every method that changes something does so in one transaction together with its audit row
 * and with the network's next version, and returns only when that is durable. Times are milliseconds since the epoch on
 * the coordinator's clock, passed in.
 *
 * Errors: WarrenError `unavailable` when the database is away or busy (never an empty answer instead), `corrupt` or
 * `incompatible` when it is not ours, and what each method names.
 */

import type { DeviceState } from '../network/devices/device-file.ts';
import type { RouteMapping } from '../network/grants.ts';
import type { Role } from '../network/roles.ts';
import type { NetworkSettings } from '../network/settings.ts';
import type { AccountStore } from './accounts/accounts.ts';
import type { CoordinatorStore } from './coordinators/coordinators.ts';

export interface Store {
  /** The people who administer the network. */
  readonly accounts: AccountStore;
  /** What several coordinators of one database keep of each other. */
  readonly coordinators: CoordinatorStore;

  /** Identity and ranges of the network; made by `initialise` once. */
  network(): Promise<NetworkRecord>;
  /** Secrets of the coordinator (CA key, proof key), as opaque bytes by name; set once. */
  secret(name: string): Promise<Uint8Array | null>;
  putSecretOnce(name: string, value: Uint8Array): Promise<Uint8Array>;

  createToken(token: NewToken, audit: AuditActor): Promise<TokenRecord>;
  listTokens(): Promise<TokenRecord[]>;
  revokeToken(id: string, now: number, audit: AuditActor): Promise<void>;

  /**
   * Checks and uses up the token, picks name and addresses, and inserts the node or, when the public key is registered,
   * updates that very node: all in one transaction, so that of many at once with a one-use token exactly one succeeds.
   * A refused token changes nothing but the audit log (reason there) and throws `unauthenticated`, the same for every
   * reason. `exhausted` when no address is left.
   */
  join(request: JoinRecord): Promise<JoinResult>;

  node(id: string): Promise<NodeRecord | null>;
  nodeByCertificate(fingerprint: Uint8Array): Promise<NodeRecord | null>;
  /** Changes those settings of the network that are given; returns all. */
  changeSettings(
    wanted: Partial<NetworkSettings>,
    now: number,
    audit: AuditActor,
    check?: (before: NetworkSettings) => void,
  ): Promise<NetworkSettings>;
  /**
   * Makes a document the network's policy, as its next version. One with a mistake, or whose tests fail on the network as it
   * is, changes nothing and throws `corrupt`. `check` looks at the policy before, in the same transaction, and throws what is to
   * stop it.
   */
  applyPolicy(
    document: string,
    now: number,
    audit: AuditActor,
    check?: (current: PolicyRecord | null) => void,
  ): Promise<PolicyRecord>;
  /** The same with the document of an earlier version. Throws `not-found` too. */
  restorePolicy(version: number, now: number, audit: AuditActor): Promise<PolicyRecord>;
  /** The policy that counts, or that of a version; null if there is none. */
  policy(version?: number): Promise<PolicyRecord | null>;
  /** All of them, the newest first. */
  listPolicies(): Promise<PolicyRecord[]>;
  /** Adds a coordinator's own relay or changes it; agents hear of it only if something of it is new to them. */
  putRelay(relay: RelayView & { name: string }, now: number): Promise<void>;
  /**
   * Checks and uses up a token made for a relay and adds the relay, in one transaction, as `join` does for a node. A refused
   * token throws `unauthenticated`, the same for every reason.
   */
  enrolRelay(request: EnrolRelayRecord): Promise<{ relay: RelayRecord; certificate: CertificateRecord }>;
  relay(id: string): Promise<RelayRecord | null>;
  /** What a relay reported of itself. Throws `not-found`. */
  putRelayFacts(relayId: string, facts: RelayFacts, now: number): Promise<void>;
  listRelays(): Promise<RelayRecord[]>;
  removeRelay(relayId: string, now: number, audit: AuditActor): Promise<void>;

  /** By name or by id. */
  findNode(nameOrId: string): Promise<NodeRecord | null>;
  listNodes(): Promise<NodeRecord[]>;
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
  putCertificate(nodeId: string, certificate: CertificateRecord): Promise<void>;
  /** What an agent reported of itself; bumps the version only if something visible to others changed. */
  putReport(nodeId: string, report: NodeReport, now: number): Promise<void>;
  /** Marks a node as connected to this coordinator instance, or not. */
  setOnline(nodeId: string, instance: string, online: boolean, now: number): Promise<void>;
  /** At start and end of an instance: whatever it had marked online no longer is. */
  clearOnline(instance: string, now: number): Promise<void>;
  approveRoute(
    nodeId: string,
    route: string,
    approved: boolean,
    now: number,
    audit: AuditActor,
  ): Promise<void>;
  /**
   * Makes a node the one that goes before all others that carry a route, in the place of whichever did, or no longer. Throws
   * `not-found` for a route that was not approved for it.
   */
  preferRoute(
    nodeId: string,
    route: string,
    preferred: boolean,
    now: number,
    audit: AuditActor,
  ): Promise<void>;
  approveSegment(
    nodeId: string,
    segment: string,
    approved: boolean,
    now: number,
    audit: AuditActor,
  ): Promise<void>;
  approveExitNode(nodeId: string, approved: boolean, now: number, audit: AuditActor): Promise<void>;
  setTags(nodeId: string, tags: readonly string[], now: number, audit: AuditActor): Promise<void>;
  renameNode(nodeId: string, name: string, now: number, audit: AuditActor): Promise<void>;
  /** 0 for never. */
  setKeyExpiry(nodeId: string, expiresAt: number, now: number, audit: AuditActor): Promise<void>;
  /**
   * Adds a member that runs plain WireGuard, with its first file. Throws `already-exists` for a name or key that another has,
   * `usage` for what can be none, `not-found` for an owner without an account, `conflict` while no agent can be dialled, or not the
   * one that is to be its gateway, `exhausted` when no address is left.
   */
  addDevice(device: NewDevice, now: number, audit: AuditActor): Promise<NodeRecord>;
  /**
   * Gives a device the file that it should have now: agents go by it from then on. With a public key, that takes the place of its
   * old one. Throws `not-found`, `usage` for what is no device, and what `addDevice` throws.
   */
  handOutDevice(
    nodeId: string,
    options: DeviceChoices & { publicKey?: string },
    now: number,
    audit: AuditActor,
  ): Promise<NodeRecord>;
  removeNode(nodeId: string, now: number, audit: AuditActor): Promise<void>;
  /** Removes a node that was away at a time and ever since; false where it is back, or gone already. */
  removeIfAway(nodeId: string, since: number, now: number, audit: AuditActor): Promise<boolean>;

  /** The network and all its nodes as they were at one moment, that of `network.version`. */
  snapshot(): Promise<{ network: NetworkRecord; nodes: NodeRecord[] }>;
  /** Nodes changed and ids removed after a version, with the version they lead to. Grows with the change only. */
  changesSince(version: number): Promise<NetworkChanges>;
  /** Calls back soon after anything changed, whoever changed it: this process, a CLI verb, another coordinator. */
  onChange(listener: () => void): () => void;

  audit(row: AuditRow): Promise<void>;
  /** The newest rows first, those with an id below `before` if it is given. */
  listAudit(options: { limit: number; before?: number } & AuditFilter): Promise<AuditRecord[]>;

  /**
   * Notes that a request of this id begins which is to take effect once, and returns null; or, if one began within a day, what is
   * known of it.
   */
  beginOnce(id: string, request: string, now: number): Promise<OnceRecord | null>;
  /** Keeps what was answered to it; with null it is as if it had never begun. */
  endOnce(id: string, answer: Uint8Array | null): Promise<void>;

  /**
   * Copies the whole database, as it is at one moment, to a new file of 0600. Throws `already-exists`, or `unsupported` for
   * PostgreSQL, which has tools for that.
   */
  backUp(path: string, now: number, audit: AuditActor): Promise<void>;

  /**
   * Forgets audit rows and removed nodes older than a time; who holds an older version then needs a snapshot. Nothing is done where
   * somebody did so within `interval`, milliseconds.
   */
  prune(before: { audit: number; removed: number }, now: number, interval?: number): Promise<void>;

  close(): Promise<void>;
}

export interface NetworkRecord {
  /** Random; a new one means that versions of before mean nothing. */
  epoch: string;
  /** Overlay ranges, canonical CIDR. */
  prefix4: string;
  prefix6: string;
  version: number;
  /** All of them, by id. */
  relays: RelayView[];
  settings: NetworkSettings;
  /** Null while there is none. */
  policy: PolicyRecord | null;
}

/** One version of the network's policy. */
export interface PolicyRecord {
  /** From 1. */
  version: number;
  /** As it was given. */
  document: string;
  createdAt: number;
  /** Who made it the policy, and from where. */
  actor: string;
  source: string;
  /** The version whose document it is; null for one that was given anew. */
  restoredFrom: number | null;
}

/** What agents are told of a relay. */
export interface RelayView {
  id: string;
  /** https://HOST:PORT. */
  urls: string[];
  /** The name in its certificate. */
  tlsName: string;
  stunServers: StunServer[];
}

export interface StunServer {
  /** An address or a name. */
  host: string;
  port: number;
  alternatePort: number;
}

export interface RelayRecord extends RelayView {
  name: string;
  createdAt: number;
  lastSeenAt: number;
}

/** What a relay says of itself, untrusted. */
export interface RelayFacts {
  name: string;
  urls: readonly string[];
  stunServers: readonly StunServer[];
}

export interface EnrolRelayRecord {
  secretHash: Uint8Array;
  facts: RelayFacts;
  remoteAddress: string;
  now: number;
  issueCertificate: (relayId: string, tlsName: string) => Promise<CertificateRecord>;
}

export interface NewToken {
  /** SHA-256 of the secret, 32 bytes. */
  secretHash: Uint8Array;
  reusable: boolean;
  ephemeral: boolean;
  tags: readonly string[];
  createdAt: number;
  expiresAt: number;
  /** What it admits: a node by default. */
  purpose?: TokenPurpose;
  /** Name of the user whose machines come by it; absent or empty: nobody's. */
  owner?: string;
  /** How many hosts it admits at most, null for no limit; absent: one, or no limit where it is `reusable`. */
  maxUses?: number | null;
  /** Whoever joins with it waits until an administrator approves; absent: no. */
  approval?: boolean;
  /** For people; empty if absent. */
  description?: string;
}

export type TokenPurpose = 'node' | 'relay';

export interface TokenRecord extends NewToken {
  id: string;
  purpose: TokenPurpose;
  owner: string;
  maxUses: number | null;
  approval: boolean;
  description: string;
  /** Who made it, as in the audit log. */
  createdBy: string;
  uses: number;
  revokedAt: number | null;
}

export interface JoinRecord {
  secretHash: Uint8Array;
  /** Base64. */
  publicKey: string;
  /** Wished for, untrusted. */
  name: string;
  operatingSystem: string;
  agentVersion: string;
  offers: Offers;
  /** Where the request came from, for the audit log. */
  remoteAddress: string;
  now: number;
  /** Issues the certificate for the id; called inside the transaction, so that a node never lacks its certificate. */
  issueCertificate: (nodeId: string) => Promise<CertificateRecord>;
}

export interface JoinResult {
  node: NodeRecord;
  /** True when the key was registered before. */
  rejoined: boolean;
  certificate: CertificateRecord;
}

export interface CertificateRecord {
  /** SHA-256 of the DER, 32 bytes. */
  fingerprint: Uint8Array;
  /** DER. */
  certificate: Uint8Array;
  expiresAt: number;
}

export interface Offers {
  /** Canonical CIDRs. */
  routes: string[];
  exitNode: boolean;
  tags: string[];
  /** Those of the routes that stand for another network at the node's site. Absent: none. */
  mappings?: RouteMapping[];
}

export interface NewDevice {
  /** A DNS label. */
  name: string;
  /** Base64. */
  publicKey: string;
  tags: readonly string[];
  /** Empty for nobody. */
  owner: string;
  /** 0 for never. */
  keyExpiresAt: number;
  /** Whether it is to ask its gateway for names. */
  wantsNames: boolean;
  /** Id of the agent that is to be its gateway; absent or null for any. */
  gateway?: string | null;
}

/** What can be chosen anew when a device is given a file; what is absent stays. */
export type DeviceChoices = Partial<Pick<NewDevice, 'wantsNames' | 'gateway'>>;

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

/** What an administrator can change of a node at once; what is absent stays. */
export interface NodePatch {
  name?: string | undefined;
  tags?: readonly string[] | undefined;
  /** 0 for never. */
  keyExpiresAt?: number | undefined;
  approved?: boolean | undefined;
  disabled?: boolean | undefined;
}

export interface NetworkChanges {
  epoch: string;
  version: number;
  changed: NodeRecord[];
  removed: string[];
  /** All relays if any of them changed, null if none did. */
  relays: RelayView[] | null;
  /** All settings if any of them changed, null if none did. */
  settings: NetworkSettings | null;
  /** The policy if it changed, null if it did not. */
  policy: PolicyRecord | null;
  /** False when the history does not reach back to the version asked for; then a snapshot is due. */
  complete: boolean;
}

export interface OnceRecord {
  /** Hash of the request. */
  request: string;
  /** Null while it is under way. */
  answer: Uint8Array | null;
}

/** Who did it: `cli`, `node:ID`, `admin:NAME`, `system`; and from where. */
export interface AuditActor {
  actor: string;
  source: string;
}

export interface AuditRow extends AuditActor {
  at: number;
  /** `token.create`, `node.join`, … */
  action: string;
  target: string;
  result: 'ok' | 'refused' | 'failed';
  /** Never a secret. */
  detail: string;
  /** What was changed, as JSON values: before and after. Absent or null where there was nothing. Never a secret. */
  before?: unknown;
  after?: unknown;
}

export interface AuditRecord extends Required<AuditRow> {
  id: number;
}

/** Which rows of the audit log are wanted; what is absent does not matter. */
export interface AuditFilter {
  /** The whole of it, or its part before a colon: `cli`, `node`. */
  actor?: string | undefined;
  /** The whole of it, or its part before the dot: `token`. */
  action?: string | undefined;
  /** A part of it, in any case. */
  target?: string | undefined;
  result?: AuditRow['result'] | undefined;
  /** From this time on, and before that one. */
  since?: number | undefined;
  until?: number | undefined;
}
