import { formatEndpoint } from '../shared/endpoint.ts';
import { keyToBase64, keyToHex, wipe } from '../shared/key.ts';
import { formatPrefix } from '../shared/prefix.ts';
import type { ExitStatus } from './exit-keeper.ts';
import type { MapPeer, NetworkMap } from './mesh/network-map.ts';
import type { NamesStatus } from './names/name-service.ts';
import { describeNat, type NatKind } from './paths/nat-kind.ts';
import { isRelay as isRelayAddress } from './paths/relay-address.ts';
import type { RelayStatus } from './relay/relays.ts';
import type { RoutingStatus } from './route-status.ts';
import type { PathSnapshot, TunnelFacts, TunnelSnapshot } from './tunnel/commands.ts';
import type { PeerEndpoint } from './wireguard/configuration.ts';
import { UdpAddress } from './wireguard/udp-address.ts';

/** A session that is older has no keys (REJECT_AFTER_TIME); a path is what carries packets now. */
const SESSION_LIFETIME = 180_000;

/** `agent status --json`: see CONTRACT; fields are added, never renamed. */
export interface Status {
  self: {
    name: string;
    addresses: string[];
    publicKey: string;
    interface: string;
    listenPort: number;
    coordinator: 'connected' | 'disconnected';
    endpoints: string[];
    driver: string;
    /** Threads that move packets, and the library that seals them. */
    workers: number;
    cipher: string;
    offloads: Record<string, boolean>;
    /** The relays of the network, as this agent sees them; `home` is where others reach it. */
    relays: { id: string; state: string; latencyMs: number | null; home: boolean }[];
    /** The NAT in IPv4 as STUN servers show it; null while none was asked. */
    nat: string | null;
    /** The tunnel's socket as STUN servers see it, `ADDRESS:PORT`. */
    outside: string[];
    /** The gateway's port that leads to the tunnel's; null if there is none. */
    portMapping: { endpoint: string; protocol: string } | null;
    /** Where DNS is answered for the network's names, and whether this host's programs ask there. */
    names: NamesStatus | null;
    /** The exit node that was chosen, and those there are. */
    exitNode: ExitStatus['chosen'];
    exitNodes: ExitStatus['offered'];
    /** Networks of others that are reached through the mesh, and by which router. */
    routes: RoutingStatus['routes'];
    /** Networks that this host offers to carry. */
    advertised: RoutingStatus['advertised'];
    /** For whoever administers this host, one sentence each. */
    notices: string[];
    /** What was dropped and why, since the start. */
    counters: Record<string, number>;
  };
  peers: PeerStatus[];
}

export interface PeerStatus {
  name: string;
  addresses: string[];
  publicKey: string;
  /** Of a plain WireGuard device: whether it has a session with this host. */
  online: boolean;
  /** Runs plain WireGuard and no agent. */
  device: boolean;
  /** Name of the agent through which this host reaches such a device; null where it is a peer itself. */
  via: string | null;
  path: 'direct' | 'relay' | 'none';
  endpoint: string | null;
  /** How the path came to be; null for a peer that says nothing of paths. */
  pathDetails: PathDetails | null;
  latencyMs: number | null;
  /** ISO time. */
  lastHandshake: string | null;
  rxBytes: number;
  txBytes: number;
  allowedIps: string[];
  /** What was dropped because of this peer and why, since it is one. */
  dropped: Record<string, number>;
}

export interface PathDetails {
  why: string;
  /** ISO time. */
  since: string;
  changes: number;
  /** Ways are being tried now. */
  probing: boolean;
  tried: { endpoint: string; kind: string; roundTripMs: number | null; answered: string | null }[];
}

export interface StatusSources {
  map: NetworkMap | null;
  identity: { name: string; addresses: string[]; publicKey: string };
  facts: TunnelFacts;
  snapshot: TunnelSnapshot;
  connected: boolean;
  endpoints: string[];
  latencies: ReadonlyMap<string, number>;
  relays: readonly RelayStatus[];
  nat: NatKind | null;
  outside: readonly string[];
  portMapping: { endpoint: string; protocol: string } | null;
  names: NamesStatus | null;
  exit: ExitStatus;
  routing: RoutingStatus;
  /** This host's clock, milliseconds since the epoch. */
  now: number;
}

/** The state of the agent as one piece. Wipes the keys in the tunnel's snapshot. */
export function statusOf(sources: StatusSources): Status {
  const { map, identity, facts, snapshot, now } = sources;
  if (snapshot.device.privateKey !== null) wipe(snapshot.device.privateKey);
  const peers = new Map(snapshot.device.peers.map((peer) => [keyToBase64(peer.publicKey), peer]));
  for (const peer of peers.values()) if (peer.presharedKey !== null) wipe(peer.presharedKey);
  return {
    self: {
      name: map?.self.name ?? identity.name,
      addresses: map?.self.addresses ?? identity.addresses,
      publicKey: identity.publicKey,
      interface: facts.interfaceName,
      listenPort: snapshot.listenPort,
      coordinator: sources.connected ? 'connected' : 'disconnected',
      endpoints: sources.endpoints,
      driver: facts.driver,
      workers: facts.workers,
      cipher: facts.cipher,
      offloads: facts.offloads,
      relays: sources.relays.map(({ id, state, latency, isHome }) => ({
        id,
        state,
        latencyMs: latency,
        home: isHome,
      })),
      nat: sources.nat === null ? null : describeNat(sources.nat),
      outside: [...sources.outside],
      portMapping: sources.portMapping,
      names: sources.names,
      exitNode: sources.exit.chosen,
      exitNodes: sources.exit.offered,
      ...sources.routing,
      counters: snapshot.device.counters,
    },
    peers: throughGateways(map, (peer) => {
      const device = peers.get(peer.publicKey);
      const lastHandshake = device?.lastHandshake ?? 0;
      const hasSession = device !== undefined && lastHandshake > 0 && now - lastHandshake < SESSION_LIFETIME;
      const endpoint = device?.endpoint;
      const path = device === undefined ? null : (snapshot.paths.get(keyToHex(device.publicKey)) ?? null);
      return {
        name: peer.name,
        addresses: peer.addresses,
        publicKey: peer.publicKey,
        online: peer.device === undefined ? peer.online : hasSession,
        device: peer.device !== undefined,
        via: null,
        path: hasSession ? kindOf(endpoint) : 'none',
        endpoint: endpoint == null || isRelay(endpoint) ? null : formatEndpoint(endpoint),
        pathDetails: path === null ? null : detailsOf(path),
        latencyMs: measured(path) ?? sources.latencies.get(peer.nodeId) ?? null,
        lastHandshake: lastHandshake === 0 ? null : new Date(lastHandshake).toISOString(),
        rxBytes: device?.rxBytes ?? 0,
        txBytes: device?.txBytes ?? 0,
        allowedIps: (device?.allowedIps ?? []).map(formatPrefix),
        dropped: device?.drops ?? {},
      };
    }),
  };
}

/** The way to a device that does not dial this host is the one to its gateway. */
function throughGateways(map: NetworkMap | null, statusOfPeer: (peer: MapPeer) => PeerStatus): PeerStatus[] {
  const peers = map?.peers ?? [];
  return peers.map((peer) => {
    const status = statusOfPeer(peer);
    if (peer.device === undefined || peer.device.direct) return status;
    const gateway = peers.find(({ nodeId }) => nodeId === peer.device?.gateway);
    if (gateway === undefined) return { ...status, via: '' };
    const { name, path, endpoint } = statusOfPeer(gateway);
    return { ...status, via: name, path, endpoint };
  });
}

/** The round trip on the direct path in use, to a hundredth of a millisecond: newer than that of a ping by hand. */
function measured(path: PathSnapshot | null): number | null {
  const roundTrip = path?.path?.roundTrip ?? null;
  return roundTrip === null ? null : Math.round(roundTrip * 100) / 100;
}

function detailsOf({ why, since, changes, probing, tried }: PathSnapshot): PathDetails {
  return {
    why,
    since: new Date(since).toISOString(),
    changes,
    probing,
    tried: tried.map(({ endpoint, kind, roundTrip, provenAt }) => ({
      endpoint: formatEndpoint(endpoint),
      kind,
      roundTripMs: roundTrip,
      answered: provenAt === null ? null : new Date(provenAt).toISOString(),
    })),
  };
}

function kindOf(endpoint: PeerEndpoint | null | undefined): PeerStatus['path'] {
  if (endpoint == null) return 'none';
  return isRelay(endpoint) ? 'relay' : 'direct';
}

function isRelay({ address, port }: PeerEndpoint): boolean {
  return isRelayAddress(UdpAddress.from(address, port));
}
