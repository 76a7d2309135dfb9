import { z } from 'zod';
import { MAX_WORKERS } from '../tunnel/workers.ts';

/** The files of the state folder, as JSON. Each carries the version of its form; a newer one is refused, not guessed at. */

const base64 = (bytes: number) =>
  z
    .string()
    .refine((text) => Buffer.from(text, 'base64').length === bytes && /^[A-Za-z0-9+/]+=*$/.test(text));

/** Who this host is: `identity.json`. The private keys in it never leave the host. */
export const identitySchema = z.object({
  version: z.literal(1),
  /** WireGuard private key, base64. */
  privateKey: base64(32),
  publicKey: base64(32),
  nodeId: z.string().min(1),
  name: z.string().min(1),
  addresses: z.array(z.string()).min(1),
  /** How the coordinator is reached, best first. */
  urls: z.array(z.string()).min(1),
  /** SHA-256 of the coordinator's CA certificate, base64. */
  pin: base64(32),
  /** DER, base64. */
  caCertificate: z.string().min(1),
  /** DER, base64: the client certificate and, as PEM, its key. */
  certificate: z.string().min(1),
  certificateKey: z.string().min(1),
});
export type Identity = z.infer<typeof identitySchema>;

/** The key that this host is about to join with: `joining.json`, until `identity.json` is there. */
export const joiningSchema = z.object({
  version: z.literal(1),
  privateKey: base64(32),
  /** Of the network that it was made for. */
  pin: base64(32),
});
export type Joining = z.infer<typeof joiningSchema>;

/** What the user asked for at joining, so that `up` does the same: `settings.json`. */
export const settingsSchema = z.object({
  version: z.literal(1),
  interfaceName: z.string().min(1),
  mtu: z.number().int(),
  /** 0 lets the system choose. */
  listenPort: z.number().int(),
  /** What the system chose last: taken again if it is free, so that peers find a restarted agent where it was. */
  lastPort: z.number().int().optional(),
  driver: z.enum(['linux', 'portable']).nullable(),
  /** Threads that move packets; null for by the number of cores. */
  workers: z.number().int().min(1).max(MAX_WORKERS).nullable().default(null),
  advertiseRoutes: z.array(z.string()),
  /** Those of them that stand for another network of this host's site. */
  mappings: z.array(z.object({ prefix: z.string(), sitePrefix: z.string() })).default([]),
  acceptRoutes: z.boolean(),
  advertiseExitNode: z.boolean(),
  /** Whose Internet this host uses, and whether it reaches its local networks by itself all the same. */
  exitNode: z
    .object({ name: z.string().min(1), nodeId: z.string().min(1).nullable() })
    .nullable()
    .default(null),
  exitAllowLan: z.boolean().default(false),
  /** `ADDRESS:PORT` at which the user knows this host to be reached. */
  endpoints: z.array(z.string()).default([]),
  /** STUN servers to ask beside those of the network. */
  stunServers: z
    .array(z.object({ host: z.string().min(1), port: z.number().int().min(1).max(65535) }))
    .default([]),
  /** Where metrics are served, beside the local socket. */
  metrics: z
    .object({ host: z.string().min(1), port: z.number().int().min(0).max(65535) })
    .nullable()
    .default(null),
  /** Whether what this host carries to networks behind it gets one of its own addresses as source. */
  snat: z.boolean().default(true),
  /** Whether hosts of those networks may begin flows to networks of other sites. */
  siteToSite: z.boolean().default(false),
  /** Whether this host's programs look names up at the agent. */
  acceptDns: z.boolean().default(true),
  /** Layer 2 segments to be a part of, and the bridge of this host that each is a port of. */
  segments: z.array(z.object({ name: z.string().min(1), bridge: z.string().nullable() })).default([]),
});
export type Settings = z.infer<typeof settingsSchema>;

/** The last network map: `map.json`. Its content is checked by mesh/network-map.ts. */
export const savedMapSchema = z.object({
  version: z.literal(1),
  map: z.unknown(),
  /** The coordinator's clock less this host's, milliseconds, when the map came. */
  clockOffset: z.number(),
});
export type SavedMap = z.infer<typeof savedMapSchema>;
