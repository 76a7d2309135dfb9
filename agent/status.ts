import { formatEndpoint } from '../shared/endpoint.ts';
import { keyToBase64, wipe } from '../shared/key.ts';
import { formatPrefix } from '../shared/prefix.ts';
import type { NetworkMap } from './mesh/network-map.ts';
import type { TunnelFacts, TunnelSnapshot } from './tunnel/commands.ts';

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
    offloads: Record<string, boolean>;
    /** What was dropped and why, since the start. */
    counters: Record<string, number>;
  };
  peers: PeerStatus[];
}

export interface PeerStatus {
  name: string;
  addresses: string[];
  publicKey: string;
  online: boolean;
  path: 'direct' | 'relay' | 'none';
  endpoint: string | null;
  latencyMs: number | null;
  /** ISO time. */
  lastHandshake: string | null;
  rxBytes: number;
  txBytes: number;
  allowedIps: string[];
}

export interface StatusSources {
  map: NetworkMap | null;
  identity: { name: string; addresses: string[]; publicKey: string };
  facts: TunnelFacts;
  snapshot: TunnelSnapshot;
  connected: boolean;
  endpoints: string[];
  latencies: ReadonlyMap<string, number>;
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
      offloads: facts.offloads,
      counters: snapshot.device.counters,
    },
    peers: (map?.peers ?? []).map((peer) => {
      const device = peers.get(peer.publicKey);
      const lastHandshake = device?.lastHandshake ?? 0;
      const isAlive = device?.endpoint != null && lastHandshake > 0 && now - lastHandshake < SESSION_LIFETIME;
      return {
        name: peer.name,
        addresses: peer.addresses,
        publicKey: peer.publicKey,
        online: peer.online,
        path: isAlive ? 'direct' : 'none',
        endpoint: device?.endpoint == null ? null : formatEndpoint(device.endpoint),
        latencyMs: sources.latencies.get(peer.nodeId) ?? null,
        lastHandshake: lastHandshake === 0 ? null : new Date(lastHandshake).toISOString(),
        rxBytes: device?.rxBytes ?? 0,
        txBytes: device?.txBytes ?? 0,
        allowedIps: (device?.allowedIps ?? []).map(formatPrefix),
      };
    }),
  };
}
