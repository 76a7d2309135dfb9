import { type DeviceState, gatewayOf, isDialled } from './devices/device-file.ts';
import type { DnsSettings } from './dns-settings.ts';
import { type Granted, grantedMappings, grantedRoutes, isExitNode, type RouteMapping } from './grants.ts';
import { isExpired } from './joining.ts';
import type { FilterRuleView } from './policy/compile.ts';
import { grantedSegments, type SegmentMember } from './segments.ts';
import type { NetworkSettings } from './settings.ts';
import { type Decided, standingOf, takesPart } from './standing.ts';

/** What the map needs of a node; the store's records have it all. */
export interface MapNode extends Granted, SegmentMember, Decided {
  readonly id: string;
  readonly name: string;
  readonly publicKey: string;
  readonly address4: string;
  readonly address6: string;
  readonly endpoints: readonly string[];
  readonly tags: readonly string[];
  readonly online: boolean;
  readonly ephemeral: boolean;
  readonly keyExpiresAt: number;
  readonly homeRelay: string;
  readonly viewVersion: number;
  readonly preferredRoutes: readonly string[];
  /** Absent or null for what runs an agent. */
  readonly device?: DeviceState | null;
}

export interface MapNetwork {
  readonly epoch: string;
  readonly prefix4: string;
  readonly prefix6: string;
  readonly version: number;
  readonly relays: readonly MapRelay[];
  readonly settings: NetworkSettings;
}

export interface MapRelay {
  readonly id: string;
  readonly urls: readonly string[];
  readonly tlsName: string;
  readonly stunServers: readonly { host: string; port: number; alternatePort: number }[];
}

export interface MapChanges {
  readonly epoch: string;
  readonly version: number;
  readonly changed: readonly MapNode[];
  readonly removed: readonly string[];
  /** All of them if any changed, null if none did. */
  readonly relays: readonly MapRelay[] | null;
  /** All of them if any changed, null if none did. */
  readonly settings: NetworkSettings | null;
  readonly complete: boolean;
}

/** What a node is told of itself. */
export interface SelfView {
  nodeId: string;
  name: string;
  addresses: string[];
  networkPrefixes: string[];
  keyExpiresAt: number;
  tags: string[];
  approvedRoutes: string[];
  exitNodeApproved: boolean;
  relays: { id: string; urls: string[]; tlsName: string }[];
  /** Each once. */
  stunServers: { host: string; port: number; alternatePort: number }[];
  dns: DnsSettings;
  multicast: boolean;
  ephemeral: boolean;
  /** What may come in from the mesh; null for everything. */
  filter: readonly FilterRuleView[] | null;
  segments: { name: string; vni: number }[];
  /** Those of the approved routes that stand for another network at its site. */
  mappings: RouteMapping[];
  /** For an administrator of the node, one sentence each. */
  notices: string[];
  /** Under a policy: the plain WireGuard devices that it is the gateway of, and of whom it may tell them. */
  carriedDevices: CarriedDeviceView[];
}

export interface CarriedDeviceView {
  nodeId: string;
  seesNodeIds: string[];
}

/** What a node is told of another. */
export interface PeerView {
  nodeId: string;
  name: string;
  addresses: string[];
  /** Base64. */
  publicKey: string;
  endpoints: string[];
  routes: string[];
  /** Those of the routes that stand for another network at its site. */
  mappings: RouteMapping[];
  /** Those of the routes for which it goes before others that carry them. */
  preferredRoutes: string[];
  exitNode: boolean;
  tags: string[];
  keyExpiresAt: number;
  online: boolean;
  /** Empty if none. */
  homeRelay: string;
  /** Names of the layer 2 segments that it is a part of. */
  segments: string[];
  /** Null for what runs an agent. */
  device: { gateway: string; direct: boolean } | null;
}

export interface SnapshotView {
  epoch: string;
  version: number;
  self: SelfView;
  /** In the order of the nodes given. */
  peers: PeerView[];
}

export interface DeltaView {
  fromVersion: number;
  version: number;
  /** Absent when unchanged. */
  self?: SelfView;
  peers: PeerView[];
  removedNodeIds: string[];
}

/** What the policy lets one viewer see of the nodes that it sees at all. */
export interface Sight {
  /** Of what a peer carries, that which concerns the viewer; null for all of it. */
  carriedBy(peerId: string): { routes: string[]; exitNode: boolean } | null;
  /** What may come in at the viewer; null for everything. */
  filter(): readonly FilterRuleView[] | null;
  /** What an administrator of the viewer should know. */
  notices(): string[];
  /** Under a policy, the devices that the viewer is the gateway of. */
  devices(): CarriedDeviceView[];
}

/** Without a policy. */
export const EVERYTHING: Sight = {
  carriedBy: () => null,
  filter: () => null,
  notices: () => [],
  devices: () => [],
};

/** What a node is told that takes no part. */
const STANDING_NOTICES = {
  unapproved: 'this host waits until an administrator approves it',
  disabled: 'this host was disabled by an administrator',
} as const;

export function selfView(
  node: MapNode,
  network: Pick<MapNetwork, 'prefix4' | 'prefix6' | 'relays' | 'settings'>,
  sight: Sight,
): SelfView {
  const standing = standingOf(node);
  // Who takes no part has no use for relays, and nothing of what was granted counts.
  const isMember = standing === 'member';
  const relays = isMember ? network.relays : [];
  return {
    nodeId: node.id,
    name: node.name,
    addresses: [node.address4, node.address6],
    networkPrefixes: [network.prefix4, network.prefix6],
    keyExpiresAt: node.keyExpiresAt,
    tags: [...node.tags],
    approvedRoutes: isMember ? grantedRoutes(node) : [],
    exitNodeApproved: isMember && isExitNode(node),
    relays: relays.map(({ id, urls, tlsName }) => ({ id, urls: [...urls], tlsName })),
    stunServers: stunServers(network.relays),
    dns: network.settings.dns,
    multicast: network.settings.multicast,
    carriedDevices: sight.devices(),
    ephemeral: node.ephemeral,
    filter: sight.filter(),
    segments: (isMember ? grantedSegments(node) : []).map((name) => ({
      name,
      vni: network.settings.segments[name] as number,
    })),
    mappings: isMember ? grantedMappings(node) : [],
    notices: isMember ? sight.notices() : [STANDING_NOTICES[standing]],
  };
}

function stunServers(relays: readonly MapRelay[]): SelfView['stunServers'] {
  const servers = new Map<string, SelfView['stunServers'][0]>();
  for (const server of relays.flatMap((relay) => relay.stunServers)) {
    servers.set(`${server.host} ${server.port}`, server);
  }
  return [...servers.values()];
}

export function peerView(node: MapNode, sight: Sight, viewerId: string): PeerView {
  const { routes, exitNode } = sight.carriedBy(node.id) ?? {
    routes: grantedRoutes(node),
    exitNode: isExitNode(node),
  };
  return {
    nodeId: node.id,
    name: node.name,
    addresses: [node.address4, node.address6],
    publicKey: node.publicKey,
    endpoints: [...node.endpoints],
    routes,
    mappings: grantedMappings(node).filter(({ prefix }) => routes.includes(prefix)),
    preferredRoutes: routes.filter((route) => node.preferredRoutes.includes(route)),
    exitNode,
    tags: [...node.tags],
    keyExpiresAt: node.keyExpiresAt,
    online: node.online,
    homeRelay: node.homeRelay,
    segments: grantedSegments(node),
    device:
      node.device == null
        ? null
        : { gateway: gatewayOf(node.device), direct: isDialled(node.device, viewerId) },
  };
}

/**
 * Whether two nodes that the policy lets meet may know of each other now. Who has expired, waits for approval or is disabled sees
 * nobody and is seen by nobody.
 */
export function isVisible(viewer: MapNode, peer: MapNode, now: number): boolean {
  return viewer.id !== peer.id && isPresent(viewer, now) && isPresent(peer, now);
}

function isPresent(node: MapNode, now: number): boolean {
  return takesPart(node) && !isExpired(node.keyExpiresAt, now);
}

/** The whole map as one node may see it. `nodes` are those that the policy lets it see. */
export function snapshotFor(
  viewer: MapNode,
  network: MapNetwork,
  nodes: Iterable<MapNode>,
  now: number,
  sight: Sight = EVERYTHING,
): SnapshotView {
  const peers: PeerView[] = [];
  for (const node of nodes) if (isVisible(viewer, node, now)) peers.push(peerView(node, sight, viewer.id));
  return { epoch: network.epoch, version: network.version, self: selfView(viewer, network, sight), peers };
}

/**
 * What brings a node that holds the map of `fromVersion` to that of `changes.version`; `changes` are those since
 * `fromVersion`. Null when a difference cannot say it and a snapshot is due: the history is too short, or what the viewer
 * may see has changed as a whole. Nodes in `changes` are those that the policy lets the viewer see, or saw. Costs as much as the change is large, however large the network.
 */
export function deltaFor(
  viewer: MapNode,
  network: Pick<MapNetwork, 'epoch' | 'prefix4' | 'prefix6' | 'relays' | 'settings'>,
  fromVersion: number,
  changes: MapChanges,
  now: number,
  sight: Sight = EVERYTHING,
): DeltaView | null {
  if (!changes.complete || changes.epoch !== network.epoch || viewer.viewVersion > fromVersion) return null;
  const delta: DeltaView = {
    fromVersion,
    version: changes.version,
    peers: [],
    removedNodeIds: changes.removed.filter((id) => id !== viewer.id),
  };
  // Relays and settings are told as a part of what a node is: everybody's changes with them.
  if (changes.relays !== null || changes.settings !== null) {
    const { relays, settings } = changes;
    const latest = { ...network, relays: relays ?? network.relays, settings: settings ?? network.settings };
    delta.self = selfView(viewer, latest, sight);
  }
  for (const node of changes.changed) {
    if (node.id === viewer.id) delta.self ??= selfView(node, network, sight);
    else if (isVisible(viewer, node, now)) delta.peers.push(peerView(node, sight, viewer.id));
    else delta.removedNodeIds.push(node.id);
  }
  return delta;
}
