import type { Selectable } from 'kysely';
import type { DeviceState } from '../network/devices/device-file.ts';
import type { RouteMapping } from '../network/grants.ts';
import type { Role } from '../network/roles.ts';
import type { NodeRecord } from './contract/nodes.ts';
import type { TokenRecord } from './contract/tokens.ts';
import type { NodeTable, TokenTable } from './schema.ts';

/** Lists are kept as JSON text. */
export function toJson(list: readonly string[]): string {
  return JSON.stringify(list);
}

export function fromJson(text: string): string[] {
  return JSON.parse(text) as string[];
}

export function nodeFromRow(row: Selectable<NodeTable>): NodeRecord {
  return {
    id: row.id,
    name: row.name,
    publicKey: row.public_key,
    address4: row.address4,
    address6: row.address6,
    endpoints: fromJson(row.endpoints),
    listenPort: row.listen_port,
    operatingSystem: row.operating_system,
    agentVersion: row.agent_version,
    offers: {
      routes: fromJson(row.offered_routes),
      exitNode: row.offered_exit_node !== 0,
      tags: fromJson(row.offered_tags),
      mappings: JSON.parse(row.offered_mappings) as RouteMapping[],
    },
    approvedRoutes: fromJson(row.approved_routes),
    preferredRoutes: fromJson(row.preferred_routes),
    exitNodeApproved: row.exit_node_approved !== 0,
    tags: fromJson(row.tags),
    ephemeral: row.ephemeral !== 0,
    online: row.online !== 0,
    createdAt: row.created_at,
    lastSeenAt: row.last_seen_at,
    keyExpiresAt: row.key_expires_at,
    homeRelay: row.home_relay,
    owner: row.owner,
    ownerGroups: fromJson(row.owner_groups),
    ownerRole: row.owner_role as Role | '',
    offeredSegments: fromJson(row.offered_segments),
    approvedSegments: fromJson(row.approved_segments),
    approved: row.approved !== 0,
    disabled: row.disabled !== 0,
    device: row.device === null ? null : (JSON.parse(row.device) as DeviceState),
    reachableEndpoints: fromJson(row.reachable_endpoints),
    acceptsRoutes: row.accepts_routes !== 0,
    version: row.version,
    viewVersion: row.view_version,
  };
}

export function tokenFromRow(row: Selectable<TokenTable>): TokenRecord {
  return {
    id: row.id,
    secretHash: new Uint8Array(row.secret_hash),
    reusable: row.reusable !== 0,
    maxUses: row.max_uses,
    ephemeral: row.ephemeral !== 0,
    tags: fromJson(row.tags),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    uses: row.uses,
    purpose: row.purpose === 'relay' ? 'relay' : 'node',
    revokedAt: row.revoked_at,
    owner: row.owner,
    approval: row.approval !== 0,
    description: row.description,
    createdBy: row.created_by,
  };
}
