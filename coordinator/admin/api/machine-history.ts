import { createRoute, z } from '@hono/zod-openapi';
import { WarrenError } from '../../../shared/errors.ts';
import type { MeshNodes } from '../../telemetry/mesh-nodes.ts';
import { KEPT_MINUTES } from '../../telemetry/minute-ring.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { answers } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { MachineId } from './machines.ts';
import { PathKind } from './mesh-view.ts';
import { isoTime, Time } from './values.ts';

const MINUTE = 60_000;

const Peer = z.object({ id: z.string(), name: z.string() });

const History = z
  .object({
    reports: z.boolean().openapi({ description: 'Whether it tells its paths now.' }),
    reportedAt: Time.nullable(),
    traffic: z
      .object({ minutes: z.array(Time), receivedBytes: z.array(z.number()), sentBytes: z.array(z.number()) })
      .openapi({
        description: 'Bytes in each minute, oldest first. Minutes in which nothing was told are absent.',
      }),
    latency: z
      .array(
        z.object({
          peer: Peer,
          minutes: z.array(Time),
          latencyMs: z.array(z.number()),
        }),
      )
      .openapi({ description: 'Round trips by the minute to the peers of late.' }),
    changes: z
      .array(
        z.object({
          at: Time,
          peer: Peer,
          from: PathKind,
          to: PathKind,
          endpoint: z.string().nullable(),
          reason: z.string(),
        }),
      )
      .openapi({ description: 'Changes of paths, the newest first.' }),
  })
  .openapi('MachineHistory');

type HistoryView = z.infer<typeof History>;

const history = createRoute({
  method: 'get',
  path: '/machines/{id}/history',
  tags: ['Mesh'],
  summary: 'Show traffic, round trips and paths of a machine in the last day',
  description:
    'From the memory of the coordinator that answers, which knows what all were told since it started.',
  request: {
    params: MachineId,
    query: z.object({
      minutes: z.coerce
        .number({ error: 'expected a number' })
        .int('expected a whole number')
        .min(1, 'expected 1 or more')
        .max(KEPT_MINUTES, `expected ${KEPT_MINUTES} or less`)
        .default(KEPT_MINUTES)
        .openapi({ type: 'integer', description: 'How far back.' }),
    }),
  },
  responses: answers(200, 'What the machine told.', History),
});

export function addMachineHistory(api: Api, { mesh: { nodes, telemetry }, clock }: ApiDependencies): void {
  api.openapi(history, (context) => {
    const { id } = context.req.valid('param');
    if (nodes.node(id) === undefined) {
      throw new WarrenError('not-found', `no machine has the id ${JSON.stringify(id)}`, {
        hint: 'GET /machines lists those there are',
      });
    }
    telemetry.glance([id]);
    const from = Math.floor(clock.wall() / MINUTE) - context.req.valid('query').minutes + 1;
    return context.json(historyOf(nodes, telemetry, id, from), 200);
  });
}

/** `from`: the first minute since the epoch that is told. */
function historyOf(nodes: MeshNodes, telemetry: Telemetry, id: string, from: number): HistoryView {
  const state = telemetry.of(id);
  const peer = (peerId: string) => ({ id: peerId, name: nodes.node(peerId)?.name ?? peerId });
  const traffic = [...(state?.traffic.rows(from) ?? [])];
  const time = (minute: number) => isoTime(minute * MINUTE);
  return {
    reports: state?.isConnected ?? false,
    reportedAt: state === undefined || state.reportedAt === 0 ? null : isoTime(state.reportedAt),
    traffic: {
      minutes: traffic.map(({ minute }) => time(minute)),
      receivedBytes: traffic.map(({ values }) => values[0] as number),
      sentBytes: traffic.map(({ values }) => values[1] as number),
    },
    latency: [...telemetry.latencies.of(id)].reverse().flatMap(([peerId, ring]) => {
      const rows = [...ring.rows(from)].filter(({ values: [value] }) => !Number.isNaN(value));
      if (rows.length === 0) return [];
      return [
        {
          peer: peer(peerId),
          minutes: rows.map(({ minute }) => time(minute)),
          latencyMs: rows.map(({ values }) => Math.round((values[0] as number) * 100) / 100),
        },
      ];
    }),
    changes: [...(state?.changes ?? [])]
      .reverse()
      .map(({ at, peerId, from: before, to, endpoint, reason }) => ({
        at: isoTime(at),
        peer: peer(peerId),
        from: before,
        to,
        endpoint: endpoint === '' ? null : endpoint,
        reason,
      })),
  };
}
