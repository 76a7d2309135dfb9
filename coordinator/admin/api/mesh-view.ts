import { z } from '@hono/zod-openapi';
import type { Pair } from '../../telemetry/pair.ts';
import { isoTime } from './values.ts';

export const PathKind = z.enum(['direct', 'relay', 'none']);

export const MachineState = z.enum(['online', 'away', 'expired', 'disabled', 'unapproved']);

const MeshMachine = z
  .object({
    kind: z.literal('machine'),
    id: z.string(),
    name: z.string(),
    role: z.enum(['machine', 'router', 'exit', 'device']),
    state: MachineState,
    tags: z.array(z.string()),
    owner: z.string(),
    address: z.string(),
    subnets: z.array(z.string()).openapi({ description: 'Networks behind it that were approved.' }),
    relay: z.string().openapi({ description: 'Id of its home relay; empty for none.' }),
    nat: z.object({ mapping: z.string(), filtering: z.string() }).nullable(),
    reports: z.boolean().openapi({ description: 'Whether it tells its paths.' }),
  })
  .openapi('MeshMachine');

const MeshGroup = z
  .object({
    kind: z.literal('group'),
    id: z.string(),
    tag: z.string().openapi({ description: 'Empty for machines without a tag.' }),
    count: z.int(),
    online: z.int(),
  })
  .openapi('MeshGroup');

/** A machine, or a group of them. */
export const MeshItem = z.discriminatedUnion('kind', [MeshMachine, MeshGroup]).openapi('MeshItem');

/** A path between two items, or the sum of those between two groups. */
export const MeshEdge = z
  .object({
    a: z.string(),
    b: z.string(),
    kind: PathKind,
    latency: z.number().nullable().openapi({ description: 'Round trip, milliseconds.' }),
    isEstimated: z.boolean().openapi({ description: 'Reckoned from the distances to relays.' }),
    rate: z.number().openapi({ description: 'Bytes a second from a to b.' }),
    rateBack: z.number(),
    pairs: z.object({ direct: z.int(), relay: z.int(), none: z.int() }),
  })
  .openapi('MeshEdge');

/** A pair as the API shows it. */
export function pairView({ ends, edge, mayMeet, rules, words }: Pair) {
  return {
    kind: edge?.kind ?? ('none' as const),
    latencyMs: edge?.latency ?? null,
    isEstimated: edge?.isEstimated ?? false,
    reason: words.reason,
    advice: words.advice,
    mayMeet,
    rules: rules.map(({ id, line, isForward, services }) => ({
      id,
      line,
      from: ends[isForward ? 0 : 1].node.name,
      services,
    })),
    ends: ends.map(({ node, state, reports, reportedAt, nat, path }) => ({
      id: node.id,
      name: node.name,
      state,
      reports,
      reportedAt: reportedAt === 0 ? null : isoTime(reportedAt),
      nat,
      path:
        path === null
          ? null
          : {
              kind: path.kind,
              endpoint: path.endpoint === '' ? null : path.endpoint,
              latencyMs: path.latency,
              since: isoTime(path.since),
              receivedBytes: path.receivedBytes,
              sentBytes: path.sentBytes,
              reason: path.reason,
              advice: path.advice === '' ? null : path.advice,
            },
    })),
  };
}
