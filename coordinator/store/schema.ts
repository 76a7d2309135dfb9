import type { Generated, Kysely, Transaction } from 'kysely';

/**
 * The tables, the same in both engines: numbers are 64-bit integers, flags are 0 and 1, lists are JSON text, bytes are
 * `blob` or `bytea`.
 */
export interface Schema {
  network: NetworkTable;
  secrets: { name: string; value: Uint8Array };
  tokens: TokenTable;
  nodes: NodeTable;
  presence: { node_id: string; instance: string };
  certificates: CertificateTable;
  free_slots: { slot: number; freed_at_version: number };
  relays: RelayTable;
  policies: PolicyTable;
  removed_nodes: { id: string; version: number; removed_at: number };
  audit: AuditTable;
  once: { id: string; request: string; answer: Uint8Array | null; created_at: number };
  users: UserTable;
  recovery_codes: { user_id: string; code_hash: Uint8Array };
  passkeys: PasskeyTable;
  identities: { issuer: string; subject: string; user_id: string };
  sessions: SessionTable;
  api_keys: ApiKeyTable;
  tickets: TicketTable;
  coordinators: { instance: string; run: string; beat: number; watches: string };
  told_paths: ToldPathTable;
}

/** One row, id 1. Every transaction that changes something locks it first, so versions follow the order of commits. */
export interface NetworkTable {
  id: number;
  epoch: string;
  prefix4: string;
  prefix6: string;
  version: number;
  /** Removals before and at this version may be forgotten. */
  history_from: number;
  next_slot: number;
  /** That at which the relays last changed. */
  relays_version: Generated<number>;
  /** JSON: what of NetworkSettings was ever set. */
  settings: Generated<string>;
  /** That at which they last changed. */
  settings_version: Generated<number>;
  /** That at which the policy last changed. */
  policy_version: Generated<number>;
}

export interface TokenTable {
  id: string;
  secret_hash: Uint8Array;
  reusable: number;
  ephemeral: number;
  tags: string;
  created_at: number;
  expires_at: number;
  uses: number;
  /** `node` or `relay`. */
  purpose: string;
  revoked_at: number | null;
  /** Name of the user who made it; empty for none. */
  owner: Generated<string>;
  /** Null for no limit. */
  max_uses: number | null;
  approval: Generated<number>;
  description: Generated<string>;
  created_by: Generated<string>;
}

export interface NodeTable {
  id: string;
  name: string;
  public_key: string;
  slot: number;
  address4: string;
  address6: string;
  endpoints: string;
  listen_port: number;
  operating_system: string;
  agent_version: string;
  offered_routes: string;
  offered_exit_node: number;
  offered_tags: string;
  /** JSON: RouteMapping[]. */
  offered_mappings: Generated<string>;
  approved_routes: string;
  preferred_routes: Generated<string>;
  exit_node_approved: number;
  tags: string;
  ephemeral: number;
  online: number;
  created_at: number;
  last_seen_at: number;
  key_expires_at: number;
  home_relay: Generated<string>;
  /** Empty for none. */
  owner: Generated<string>;
  /** Groups of the provider that its owner is in. */
  owner_groups: Generated<string>;
  /** That of its owner's account while it counts; empty for none. */
  owner_role: Generated<string>;
  offered_segments: Generated<string>;
  approved_segments: Generated<string>;
  approved: Generated<number>;
  disabled: Generated<number>;
  /** JSON: the DeviceState of a device; null for what runs an agent. */
  device: Generated<string | null>;
  /** JSON. */
  reachable_endpoints: Generated<string>;
  accepts_routes: Generated<number>;
  version: number;
  view_version: number;
}

export interface RelayTable {
  id: string;
  name: string;
  urls: string;
  tls_name: string;
  stun_servers: string;
  created_at: number;
  last_seen_at: number;
}

export interface PolicyTable {
  /** From 1. */
  number: number;
  document: string;
  created_at: number;
  actor: string;
  source: string;
  restored_from: number | null;
}

export interface CertificateTable {
  id: Generated<number>;
  fingerprint: Uint8Array;
  node_id: string;
  certificate: Uint8Array;
  expires_at: number;
}

export interface AuditTable {
  id: Generated<number>;
  at: number;
  actor: string;
  source: string;
  action: string;
  target: string;
  result: string;
  detail: string;
  /** JSON. */
  before: string | null;
  after: string | null;
}

export interface UserTable {
  id: string;
  name: string;
  display_name: string;
  role: string;
  disabled: number;
  managed: number;
  groups: string;
  passphrase_hash: string | null;
  sealed_totp: Uint8Array | null;
  /** The last time step whose code was used. */
  totp_step: number;
  browser_epoch: Generated<number>;
  created_at: number;
  last_sign_in_at: number;
}

export interface PasskeyTable {
  id: string;
  user_id: string;
  public_key: Uint8Array;
  counter: number;
  transports: string;
  name: string;
  relying_party: string;
  created_at: number;
  last_used_at: number;
}

export interface SessionTable {
  id: string;
  secret_hash: Uint8Array;
  user_id: string;
  method: string;
  address: string;
  user_agent: string;
  created_at: number;
  used_at: number;
  /** 0 for never. */
  confirmed_at: number;
  confirmation_hash: Uint8Array | null;
}

export interface ApiKeyTable {
  id: string;
  secret_hash: Uint8Array;
  user_id: string;
  name: string;
  role: string;
  scopes: string;
  /** 0 for never. */
  expires_at: number;
  created_at: number;
  last_used_at: number;
}

export interface TicketTable {
  hash: Uint8Array;
  kind: string;
  user_id: string | null;
  data: string;
  expires_at: number;
}

export interface ToldPathTable {
  instance: string;
  node_id: string;
  peer_id: string;
  round: number;
  /** When it was written, milliseconds. */
  age: number;
  /** By the database's clock. */
  written_at: number;
  report: Uint8Array | null;
}

export type Database = Kysely<Schema>;
export type Tx = Transaction<Schema>;
