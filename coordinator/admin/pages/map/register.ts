import type { Context, Hono } from 'hono';
import { matrixOf } from '../../../telemetry/matrix.ts';
import { pairOf } from '../../../telemetry/pair.ts';
import type { AdminEnvironment } from '../../actor.ts';
import type { AdminDependencies } from '../../dependencies.ts';
import { meshStream } from '../../mesh-stream.ts';
import { notFound } from '../not-found.ts';
import { latencyPage, latencyTable } from './latency-page.ts';
import { machinePanel } from './machine-panel.ts';
import { mapPage } from './map-page.ts';
import { pairPage, pairPanel } from './pair-panel.ts';
import { pairsPage, pairsTable } from './pairs-page.ts';

/** The pages that show the mesh, their live parts, and the stream of the picture. */
export function registerMap(
  app: Hono<AdminEnvironment>,
  { mesh, clock }: Pick<AdminDependencies, 'mesh' | 'clock'>,
): void {
  const { nodes, telemetry } = mesh;
  const time = () => ({ now: clock.wall(), monotonic: clock.monotonic() });
  const pairFor = (context: Context) => {
    const ids: [string, string] = [context.req.param('a') ?? '', context.req.param('b') ?? ''];
    telemetry.glance(ids);
    return pairOf(nodes, telemetry, ids, time());
  };
  const pairsFilter = (context: Context) => {
    telemetry.glance(null);
    return { search: context.req.query('search') ?? '', kind: context.req.query('kind') ?? '' };
  };
  const matrixFor = (context: Context) => {
    const filter = { search: context.req.query('search') ?? '', tag: context.req.query('tag') ?? '' };
    const matrix = matrixOf(nodes, telemetry, filter, clock.monotonic());
    telemetry.glance(matrix.machines.map(({ id }) => id));
    return { filter, matrix };
  };

  app.get('/map', (context) => {
    const machines = [...nodes.nodes()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return context.html(mapPage(context.get('actor'), machines, tagsOf(nodes.nodes())));
  });
  app.get('/map/events', (context) => meshStream(context, mesh, clock, context.get('isStillIn')));
  app.get('/map/machine/:id/panel', (context) => {
    const node = nodes.node(context.req.param('id'));
    if (node === undefined) return context.notFound();
    return context.html(machinePanel(node, mesh, time()));
  });
  app.get('/map/pair/:a/:b', (context) => {
    const pair = pairFor(context);
    if (pair === undefined) return notFound(context, 'There are no two such machines');
    return context.html(pairPage(context.get('actor'), pair, clock.wall()));
  });
  app.get('/map/pair/:a/:b/panel', (context) => {
    const pair = pairFor(context);
    if (pair === undefined) return context.notFound();
    return context.html(pairPanel(pair, clock.wall()));
  });
  app.get('/map/pairs', (context) =>
    context.html(pairsPage(context.get('actor'), mesh, pairsFilter(context), clock.monotonic())),
  );
  app.get('/map/pairs/table', (context) =>
    context.html(pairsTable(mesh, pairsFilter(context), clock.monotonic())),
  );
  app.get('/map/latency', (context) => {
    const { filter, matrix } = matrixFor(context);
    return context.html(latencyPage(context.get('actor'), matrix, filter, tagsOf(nodes.nodes())));
  });
  app.get('/map/latency/table', (context) => context.html(latencyTable(matrixFor(context).matrix)));
}

function tagsOf(nodes: Iterable<{ tags: readonly string[] }>): string[] {
  const tags = new Set<string>();
  for (const node of nodes) for (const tag of node.tags) tags.add(tag);
  return [...tags].sort();
}
