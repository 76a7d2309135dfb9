import { z } from '@hono/zod-openapi';
import { isExpired } from '../../network/joining.ts';
import { standingOf } from '../../network/standing.ts';
import type { NodeRecord } from '../../store/contract/nodes.ts';
import { isoTime, Time } from './values.ts';

/** A machine as the API shows it. */
export const Machine = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(['agent', 'device']).openapi({ description: 'A device runs a stock WireGuard client.' }),
    addresses: z.array(z.string()).openapi({ description: 'In the mesh: IPv4, then IPv6.' }),
    publicKey: z.string().openapi({ description: 'Of WireGuard, base64.' }),
    state: z
      .enum(['member', 'unapproved', 'disabled', 'expired'])
      .openapi({ description: 'Any but `member` sees nobody, and nobody sees it.' }),
    online: z.boolean().openapi({ description: 'Connected to a coordinator.' }),
    device: z.boolean().openapi({ description: 'Runs plain WireGuard and no agent; see /devices.' }),
    approved: z.boolean(),
    disabled: z.boolean(),
    owner: z.string().nullable().openapi({ description: 'The user whose machine it is.' }),
    tags: z.array(z.string()),
    ephemeral: z.boolean().openapi({ description: 'Removed by itself when it was away for minutes.' }),
    operatingSystem: z.string(),
    agentVersion: z.string(),
    endpoints: z.array(z.string()),
    listenPort: z.int(),
    homeRelay: z.string().nullable().openapi({ description: 'Id of the relay that it can be reached by.' }),
    offeredRoutes: z.array(z.string()),
    approvedRoutes: z
      .array(z.string())
      .openapi({ description: 'Approvals, those too of what is not offered at the moment.' }),
    preferredRoutes: z
      .array(z.string())
      .openapi({ description: 'Approved ones for which it goes before other machines that carry them.' }),
    offersExitNode: z.boolean(),
    exitNodeApproved: z.boolean(),
    offeredSegments: z.array(z.string()),
    approvedSegments: z.array(z.string()),
    createdAt: Time,
    lastSeenAt: Time.nullable().openapi({ description: 'Null for never.' }),
    keyExpiresAt: Time.nullable().openapi({ description: 'Null for never.' }),
  })
  .openapi('Machine');

export type MachineView = z.infer<typeof Machine>;

export function machineView(node: NodeRecord, now: number): MachineView {
  const standing = standingOf(node);
  return {
    id: node.id,
    name: node.name,
    kind: node.device === null ? 'agent' : 'device',
    addresses: [node.address4, node.address6],
    publicKey: node.publicKey,
    state: standing === 'member' && isExpired(node.keyExpiresAt, now) ? 'expired' : standing,
    online: node.online,
    device: node.device !== null,
    approved: node.approved,
    disabled: node.disabled,
    owner: node.owner === '' ? null : node.owner,
    tags: node.tags,
    ephemeral: node.ephemeral,
    operatingSystem: node.operatingSystem,
    agentVersion: node.agentVersion,
    endpoints: node.endpoints,
    listenPort: node.listenPort,
    homeRelay: node.homeRelay === '' ? null : node.homeRelay,
    offeredRoutes: node.offers.routes,
    approvedRoutes: node.approvedRoutes,
    preferredRoutes: node.preferredRoutes,
    offersExitNode: node.offers.exitNode,
    exitNodeApproved: node.exitNodeApproved,
    offeredSegments: node.offeredSegments,
    approvedSegments: node.approvedSegments,
    createdAt: isoTime(node.createdAt),
    lastSeenAt: node.lastSeenAt === 0 ? null : isoTime(node.lastSeenAt),
    keyExpiresAt: node.keyExpiresAt === 0 ? null : isoTime(node.keyExpiresAt),
  };
}
