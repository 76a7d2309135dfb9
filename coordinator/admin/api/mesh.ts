import { createRoute, z } from '@hono/zod-openapi';
import { WarrenError } from '../../../shared/errors.ts';
import { matrixOf } from '../../telemetry/matrix.ts';
import { pairOf } from '../../telemetry/pair.ts';
import { pictureOf } from '../../telemetry/picture.ts';
import { answers } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { MachineState, MeshEdge, MeshItem, PathKind, pairView } from './mesh-view.ts';
import { Tag, Time } from './values.ts';

const tags = ['Mesh'];
const mesh = createRoute({
  method: 'get',
  path: '/mesh',
  tags,
  summary: 'Show the mesh: machines and the paths between them',
  description:
    'What agents tell of their paths, from the memory of the coordinator that answers. Of more than 500 machines those with one first tag are one group.',
  request: {
    query: z.object({
      expand: z
        .string()
        .max(4_096)
        .optional()
        .openapi({ description: 'Tags, separated by commas, whose machines are shown one by one.' }),
    }),
  },
  responses: answers(
    200,
    'The mesh as it is now.',
    z
      .object({
        items: z.array(MeshItem),
        edges: z.array(MeshEdge),
        relays: z.array(z.object({ id: z.string(), host: z.string(), machines: z.int() })),
        edgesLeftOut: z.int().openapi({ description: 'More edges than these are there.' }),
        isGrouped: z.boolean(),
      })
      .openapi('Mesh'),
  ),
});

const PairEndView = z
  .object({
    id: z.string(),
    name: z.string(),
    state: MachineState,
    reports: z.boolean().openapi({ description: 'Whether it tells its paths now.' }),
    reportedAt: Time.nullable(),
    nat: z.object({ mapping: z.string(), filtering: z.string() }).nullable(),
    path: z
      .object({
        kind: PathKind,
        endpoint: z.string().nullable().openapi({ description: 'Where its datagrams go.' }),
        latencyMs: z.number().nullable(),
        since: Time,
        receivedBytes: z.int(),
        sentBytes: z.int(),
        reason: z.string(),
        advice: z.string().nullable(),
      })
      .nullable(),
  })
  .openapi('PathEnd');

const pathBetween = createRoute({
  method: 'get',
  path: '/mesh/paths/{a}/{b}',
  tags,
  summary: 'Tell why two machines are connected as they are',
  request: {
    params: z.object({
      a: z.string().max(64).openapi({ description: 'Id of a machine.' }),
      b: z.string().max(64).openapi({ description: 'Id of another.' }),
    }),
  },
  responses: answers(
    200,
    'The path, in words with what would help, and what each end says of it.',
    z
      .object({
        kind: PathKind,
        latencyMs: z.number().nullable(),
        isEstimated: z.boolean(),
        reason: z.string(),
        advice: z.string().nullable(),
        mayMeet: z.boolean().openapi({ description: 'Whether the policy lets them know of each other.' }),
        rules: z
          .array(
            z.object({
              id: z.string(),
              line: z.int(),
              from: z.string().openapi({ description: 'Name of the machine that may begin.' }),
              services: z.string(),
            }),
          )
          .openapi({ description: 'Rules by which one may reach the other itself.' }),
        ends: z.array(PairEndView),
      })
      .openapi('PathBetween'),
  ),
});

const latency = createRoute({
  method: 'get',
  path: '/mesh/latency',
  tags,
  summary: 'Show round trips between machines',
  description: 'Of the first 60 by name that match.',
  request: { query: z.object({ search: z.string().max(256).optional(), tag: Tag.optional() }) },
  responses: answers(
    200,
    'A matrix: a row and a column for each machine.',
    z
      .object({
        machines: z.array(z.object({ id: z.string(), name: z.string() })),
        total: z.int().openapi({ description: 'How many machines match.' }),
        cells: z
          .array(
            z.array(
              z
                .object({ kind: PathKind, latencyMs: z.number().nullable(), isEstimated: z.boolean() })
                .nullable(),
            ),
          )
          .openapi({ description: 'Null for pairs that exchanged nothing.' }),
      })
      .openapi('LatencyMatrix'),
  ),
});

export function addMesh(api: Api, { mesh: { nodes, telemetry }, clock }: ApiDependencies): void {
  const time = () => ({ now: clock.wall(), monotonic: clock.monotonic() });

  api.openapi(mesh, (context) => {
    telemetry.glance(null);
    const { expand } = context.req.valid('query');
    const expanded = new Set(expand === undefined ? [] : expand.split(','));
    return context.json(pictureOf(nodes, telemetry, time(), expanded), 200);
  });

  api.openapi(pathBetween, (context) => {
    const { a, b } = context.req.valid('param');
    telemetry.glance([a, b]);
    const pair = pairOf(nodes, telemetry, [a, b], time());
    if (pair === undefined) {
      throw new WarrenError('not-found', 'these are not the ids of two machines', {
        hint: 'GET /machines lists those there are',
      });
    }
    return context.json(pairView(pair), 200);
  });

  api.openapi(latency, (context) => {
    const { search = '', tag = '' } = context.req.valid('query');
    const matrix = matrixOf(nodes, telemetry, { search, tag }, clock.monotonic());
    telemetry.glance(matrix.machines.map(({ id }) => id));
    return context.json(
      {
        machines: matrix.machines.map(({ id, name }) => ({ id, name })),
        total: matrix.total,
        cells: matrix.cells.map((row) =>
          row.map((cell) => {
            if (cell === null) return null;
            const { kind, latency: latencyMs, isEstimated } = cell;
            return { kind, latencyMs, isEstimated };
          }),
        ),
      },
      200,
    );
  });
}
