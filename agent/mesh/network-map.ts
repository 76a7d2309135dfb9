import { z } from 'zod';
import type { Delta, Peer, Self, Snapshot } from '../../proto/gen/warren.ts';
import { parseEndpoint } from '../../shared/endpoint.ts';
import { WarrenError } from '../../shared/errors.ts';
import { parseIp } from '../../shared/ip.ts';
import { keyFromBase64, keyToBase64 } from '../../shared/key.ts';
import { canonicalPrefix } from '../../shared/prefix.ts';

/** What an agent knows of its network: plain data, as it is kept on disk. Pure functions only. */

const address = z.string().refine((text) => parseIp(text) !== null, 'not an address');
const cidr = z.string().refine((text) => canonicalPrefix(text) === text, 'not a canonical CIDR');
const endpoint = z.string().refine((text) => parseEndpoint(text) !== null, 'not an endpoint');
const key = z.string().refine((text) => keyFromBase64(text) !== null, 'not a key');
const time = z.number().int().min(0);

const port = z.number().int().min(1).max(65535);
const relay = z.object({
  id: z.string().min(1),
  /** https://HOST:PORT, each a way to the same relay. */
  urls: z.array(z.string()),
  /** The name in its certificate. */
  tlsName: z.string().min(1),
});
const stunServer = z.object({ host: z.string().min(1), port, alternatePort: port });

const mapping = z.object({ prefix: cidr, sitePrefix: cidr });
const dns = z.object({
  /** Without dots at its ends. */
  zone: z.string().min(1),
  /** For what is in no split domain; empty leaves it to the host's own. */
  resolvers: z.array(address),
  split: z.array(z.object({ domain: z.string().min(1), resolvers: z.array(address) })),
});
const protocolPort = z.number().int().min(0).max(65535);
const filter = z.object({
  rules: z.array(
    z.object({
      /** Where the policy grants it. */
      id: z.string(),
      sources: z.array(cidr),
      destinations: z.array(cidr),
      /** Any of them; empty for everything. Protocol 0 is any, as are ports 0 to 0. */
      services: z.array(
        z.object({
          protocol: z.number().int().min(0).max(255),
          firstPort: protocolPort,
          lastPort: protocolPort,
        }),
      ),
    }),
  ),
});

const selfSchema = z.object({
  nodeId: z.string().min(1),
  name: z.string().min(1),
  addresses: z.array(address).min(1),
  networkPrefixes: z.array(cidr).min(1),
  /** On the coordinator's clock; 0 never. */
  keyExpiresAt: time,
  tags: z.array(z.string()),
  approvedRoutes: z.array(cidr),
  exitNodeApproved: z.boolean(),
  /** Absent in maps that an earlier release saved. */
  relays: z.array(relay).default([]),
  stunServers: z.array(stunServer).default([]),
  /** Absent from a coordinator without names. */
  dns: dns.optional(),
  /** What may come in from the mesh; absent for everything. */
  filter: filter.optional(),
  /** Broadcasts and multicasts are passed on to every peer. */
  multicast: z.boolean().default(false),
  /** Layer 2 segments that this node is a part of. */
  segments: z
    .array(z.object({ name: z.string().min(1), vni: z.number().int().min(1).max(0xffffff) }))
    .default([]),
  /** Those of the approved routes that stand for another network here. */
  mappings: z.array(mapping).default([]),
  /** What the coordinator has to say to whoever administers this host. */
  notices: z.array(z.string()).default([]),
  /** Under a policy: of whom the plain WireGuard devices may know that this node is the gateway of. */
  carriedDevices: z
    .array(z.object({ nodeId: z.string().min(1), seesNodeIds: z.array(z.string()) }))
    .default([]),
  /** It leaves the network when it is stopped. */
  ephemeral: z.boolean().default(false),
});

const peerSchema = z.object({
  nodeId: z.string().min(1),
  name: z.string().min(1),
  addresses: z.array(address).min(1),
  /** Base64. */
  publicKey: key,
  endpoints: z.array(endpoint),
  routes: z.array(cidr),
  exitNode: z.boolean(),
  tags: z.array(z.string()),
  keyExpiresAt: time,
  online: z.boolean(),
  /** Id of the relay that it can be reached by; empty if none. */
  homeRelay: z.string().default(''),
  /** Those of the routes that stand for another network at the peer's site. */
  mappings: z.array(mapping).default([]),
  /** Those of the routes for which an administrator prefers it to the others that carry them. */
  preferredRoutes: z.array(cidr).default([]),
  /** Names of the layer 2 segments that it is a part of. */
  segments: z.array(z.string()).default([]),
  /** For a plain WireGuard device: the node that forwards for it, and whether it dials this one itself. */
  device: z.object({ gateway: z.string(), direct: z.boolean() }).optional(),
});

const mapSchema = z.object({
  epoch: z.string(),
  version: z.number().int().min(0),
  self: selfSchema,
  /** Sorted by node id. */
  peers: z.array(peerSchema),
});

export type MapSelf = z.infer<typeof selfSchema>;
export type MapRelay = z.infer<typeof relay>;
export type MapDns = z.infer<typeof dns>;
export type MapFilter = z.infer<typeof filter>;
export type MapRouteMapping = z.infer<typeof mapping>;
export type MapStunServer = z.infer<typeof stunServer>;
export type MapPeer = z.infer<typeof peerSchema>;
export type NetworkMap = z.infer<typeof mapSchema>;

/** Checks a map that was read from disk. Throws `corrupt`. */
export function checkMap(value: unknown): NetworkMap {
  return checked(mapSchema, value, 'the saved network map');
}

/** The map of a snapshot. Throws `corrupt` when the coordinator sent what cannot be. */
export function mapFromSnapshot(snapshot: Snapshot): NetworkMap {
  const map = {
    epoch: snapshot.epoch,
    version: Number(snapshot.version),
    self: snapshot.self === undefined ? undefined : plainSelf(snapshot.self),
    peers: snapshot.peers.map(plainPeer).sort(byId),
  };
  return checked(mapSchema, map, "the coordinator's network map");
}

/**
 * The map after a difference; the one given is left as it is. Throws `corrupt` for a difference that cannot be, or that does not
 * begin at or before the version held: then a snapshot is due.
 */
export function applyDelta(map: NetworkMap, delta: Delta): NetworkMap {
  if (Number(delta.fromVersion) > map.version) {
    throw new WarrenError('corrupt', 'the coordinator left out a part of the changes');
  }
  const peers = new Map(map.peers.map((peer) => [peer.nodeId, peer]));
  for (const id of delta.removedNodeIds) peers.delete(id);
  for (const peer of delta.peers) {
    peers.set(peer.nodeId, checked(peerSchema, plainPeer(peer), "the coordinator's network map"));
  }
  return {
    epoch: map.epoch,
    version: Math.max(map.version, Number(delta.version)),
    self:
      delta.self === undefined
        ? map.self
        : checked(selfSchema, plainSelf(delta.self), "the coordinator's network map"),
    peers: [...peers.values()].sort(byId),
  };
}

function plainSelf(self: Self): unknown {
  const { serverTime: _serverTime, observedAddress: _observedAddress, ...rest } = self;
  return { ...rest, keyExpiresAt: Number(self.keyExpiresAt) };
}

function plainPeer(peer: Peer) {
  return { ...peer, publicKey: keyToBase64(peer.publicKey), keyExpiresAt: Number(peer.keyExpiresAt) };
}

function byId(a: { nodeId: string }, b: { nodeId: string }): number {
  return a.nodeId < b.nodeId ? -1 : a.nodeId > b.nodeId ? 1 : 0;
}

function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new WarrenError(
    'corrupt',
    `${what} is not what it should be: ${issue?.path.join('.')} ${issue?.message}`,
  );
}
