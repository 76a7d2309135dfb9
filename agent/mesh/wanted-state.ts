import { chosenPeer, type ExitChoice, exitAllowedIps } from './exit-node.ts';
import type { MapPeer, NetworkMap } from './network-map.ts';
import { routerGroups } from './router-choice.ts';

/** What this host is to look like by a map: a pure function of the map, the user's choices and the time. */
export interface WantedState {
  /** Own addresses as host prefixes. */
  addresses: string[];
  /** What goes into the tunnel's interface, CIDRs. */
  routes: string[];
  peers: WantedPeer[];
  /** Null where no exit node was chosen; else whose tunnel the Internet is behind, where `nodeId` null is nobody's for now. */
  exit: { nodeId: string | null } | null;
  /** Those of `routes` that are networks of other sites. */
  elsewhere: string[];
  /** Networks that several of the peers carry: answers may come from any of them, whichever is used now. */
  standIns: StandIns[];
  /** When the next key expires, on the coordinator's clock; Infinity if none does. */
  nextExpiry: number;
}

export interface StandIns {
  /** CIDR. */
  route: string;
  /** Base64. */
  publicKeys: string[];
}

export interface WantedPeer {
  nodeId: string;
  /** Base64. */
  publicKey: string;
  /** CIDRs. */
  allowedIps: string[];
  /** `ADDRESS:PORT`, best first. */
  endpoints: string[];
  /** Gets a copy of every broadcast and multicast: who is not there would only cost a handshake. */
  inGroup: boolean;
  /** Runs plain WireGuard: nothing is said to it of paths. */
  isDevice: boolean;
}

export interface MeshChoices {
  acceptRoutes: boolean;
  /** Absent or null for none. */
  exitNode?: ExitChoice | null;
  /** For networks that several peers carry, the node id of the one to use. */
  routers?: ReadonlyMap<string, string>;
}

/**
 * `now` is the coordinator's clock. A peer whose key has expired is not a peer any more, and with an own key that has expired
 * there is none: that needs no coordinator. Two peers that claim one address or route: the one that is online, then the one
 * with the lesser node id has it, on every host alike.
 */
export function wantedState(map: NetworkMap, choices: MeshChoices, now: number): WantedState {
  const alive = alivePeers(map, now);
  const ranked = [...alive].sort(
    (a, b) => Number(b.online) - Number(a.online) || (a.nodeId < b.nodeId ? -1 : 1),
  );
  const owners = new Map<string, string>();
  for (const address of map.self.addresses) owners.set(hostPrefix(address), map.self.nodeId);
  for (const route of map.self.approvedRoutes) owners.set(route, map.self.nodeId);
  // Addresses before routes: what somebody offers to carry never takes a member's own address.
  for (const peer of ranked) claim(owners, peer.addresses.map(hostPrefix), carrierOf(peer));
  if (choices.acceptRoutes) {
    const isChosen = (nodeId: string) => (route: string) => choices.routers?.get(route) === nodeId;
    for (const { nodeId, routes } of ranked) claim(owners, routes.filter(isChosen(nodeId)), nodeId);
    for (const { nodeId, routes } of ranked) claim(owners, routes, nodeId);
  }
  const claimed = new Map<string, string[]>();
  for (const [cidr, nodeId] of owners) claimed.set(nodeId, [...(claimed.get(nodeId) ?? []), cidr]);
  const { exitNode = null } = choices;
  const chosen = exitNode === null ? null : chosenPeer(map, exitNode);
  // Whether it is online is the coordinator's guess: it is tried either way.
  const exitId = alive.find((peer) => peer === chosen && peer.exitNode)?.nodeId ?? null;
  const own = new Set(map.self.addresses.map(hostPrefix));
  const members = new Set([...own, ...map.peers.flatMap((peer) => peer.addresses.map(hostPrefix))]);
  const isPeer = ({ nodeId, device }: MapPeer) =>
    device === undefined || carrierOf({ nodeId, device }) === nodeId;
  const peers = alive.filter(isPeer).map((peer) => ({
    nodeId: peer.nodeId,
    publicKey: peer.publicKey,
    allowedIps: [
      ...(claimed.get(peer.nodeId) ?? []),
      ...(peer.nodeId === exitId ? exitAllowedIps(map.self.networkPrefixes) : []),
    ].sort(),
    endpoints: peer.endpoints,
    inGroup: map.self.multicast && peer.online,
    isDevice: peer.device !== undefined,
  }));
  const subnets = alive.flatMap((peer) =>
    (claimed.get(peer.nodeId) ?? []).filter((cidr) => !members.has(cidr)),
  );
  return {
    addresses: [...own],
    // Own networks under the mesh's prefix as well: so that this host's programs can follow names there, and be translated.
    routes: [
      ...new Set([...map.self.networkPrefixes, ...map.self.mappings.map(({ prefix }) => prefix), ...subnets]),
    ],
    peers,
    exit: exitNode === null ? null : { nodeId: exitId },
    elsewhere: [...new Set(subnets)],
    standIns: choices.acceptRoutes
      ? routerGroups(alive).map(({ route, routers }) => ({
          route,
          publicKeys: routers.map(({ publicKey }) => publicKey),
        }))
      : [],
    nextExpiry: Math.min(
      ...[map.self, ...map.peers].map((node) => node.keyExpiresAt).filter((at) => at > now),
      Number.POSITIVE_INFINITY,
    ),
  };
}

/** Peers whose keys are good, and none for a host whose own is not. `now` is the coordinator's clock. */
export function alivePeers({ self, peers }: NetworkMap, now: number): MapPeer[] {
  return isAlive(self.keyExpiresAt, now) ? peers.filter((peer) => isAlive(peer.keyExpiresAt, now)) : [];
}

export function hostPrefix(address: string): string {
  return address.includes(':') ? `${address}/128` : `${address}/32`;
}

function isAlive(keyExpiresAt: number, now: number): boolean {
  return keyExpiresAt === 0 || keyExpiresAt > now;
}

/** Whose packets have a peer's addresses: of a device that does not dial this host, its gateway's. */
function carrierOf({ nodeId, device }: Pick<MapPeer, 'nodeId' | 'device'>): string {
  return device === undefined || device.direct ? nodeId : device.gateway;
}

function claim(owners: Map<string, string>, cidrs: readonly string[], nodeId: string): void {
  for (const cidr of cidrs) if (!owners.has(cidr)) owners.set(cidr, nodeId);
}
