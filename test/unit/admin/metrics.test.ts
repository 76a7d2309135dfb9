import { Hono } from 'hono';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AdminEnvironment } from '../../../coordinator/admin/actor.ts';
import { connection } from '../../../coordinator/admin/connection.ts';
import { localMetrics, measureRequests, metricsPage } from '../../../coordinator/admin/metrics-page.ts';
import { measuredStore } from '../../../coordinator/measured-store.ts';
import { Metrics } from '../../../coordinator/metrics.ts';
import { noCounts } from '../../../coordinator/relay/counters.ts';
import type { Store } from '../../../coordinator/store/store.ts';
import { WarrenError } from '../../../shared/errors.ts';

let metrics: Metrics;
let app: Hono<AdminEnvironment>;

beforeEach(() => {
  metrics = new Metrics();
  app = new Hono<AdminEnvironment>();
  app.use(connection([]));
  app.use(measureRequests(metrics));
  app.get('/metrics', localMetrics(metrics));
  app.use(async (context, next) => {
    if (context.req.header('Authorization') === undefined) return context.text('sign in', 401);
    return next();
  });
  app.get('/metrics', metricsPage(metrics));
  app.get('/machines/:id', (context) => context.text(''));
  app.all('*', (context) => context.text('', 404));
});

const ask = (path: string, remoteAddress: string, headers: Record<string, string> = {}) =>
  app.request(path, { headers }, { incoming: { socket: { remoteAddress } } });

describe('metrics', () => {
  it.each([
    ['127.0.0.1', {}, 200],
    ['::1', {}, 200],
    ['192.0.2.1', {}, 401],
    ['', {}, 401],
    ['127.0.0.1', { 'X-Forwarded-For': '192.0.2.1' }, 401],
    ['127.0.0.1', { Forwarded: 'for=192.0.2.1' }, 401],
    ['192.0.2.1', { Authorization: 'Bearer x' }, 200],
  ])('for %j with %j: %i', async (address, headers, status) => {
    expect((await ask('/metrics', address, headers as Record<string, string>)).status).toBe(status);
  });

  it('tell requests by the pattern of their route, so that paths of strangers make no series', async () => {
    for (const id of ['a', 'b']) await ask(`/machines/${id}`, '192.0.2.1', { Authorization: 'Bearer x' });
    await ask('/<script>', '192.0.2.1');
    await ask('/another', '192.0.2.1', { Authorization: 'Bearer x' });
    const text = await metrics.text();
    expect(text).toContain(
      'warren_http_request_seconds_count{method="GET",route="/machines/:id",status="200"} 2',
    );
    expect(text).not.toContain('<script');
    expect(text).not.toContain('another');
  });

  it('tell what the store did, joins by what came of them', async () => {
    const store = measuredStore(
      {
        join: async (request: { ok: boolean }) => {
          if (!request.ok) throw new WarrenError('unauthenticated', 'the token is not accepted');
        },
        onChange: () => () => {},
      } as unknown as Store,
      metrics,
    );
    await store.join({ ok: true } as never);
    await expect(store.join({ ok: false } as never)).rejects.toThrow('not accepted');
    const text = await metrics.text();
    expect(text).toContain('warren_store_seconds_count{operation="join"} 2');
    expect(text).toContain('warren_store_errors_total{operation="join",code="unauthenticated"} 1');
    expect(text).toContain('warren_joins_total{result="ok"} 1');
    expect(text).toContain('warren_joins_total{result="refused"} 1');
  });

  it('tell the network and the relay, and no name in it', async () => {
    const node = { name: 'secret-host', online: true, approved: true, disabled: false, keyExpiresAt: 0 };
    metrics.watch({
      nodes: () => [node, { ...node, online: false, disabled: true }, { ...node, keyExpiresAt: 5 }] as never,
      mapVersion: () => 42,
      streams: () => 2,
      relayClients: () => 1,
      relay: { ...noCounts(), relayedBytes: 7, droppedRate: 3 },
      stun: { answered: 5, malformed: 1, tooShort: 0 },
      now: () => 10,
    });
    const text = await metrics.text();
    expect(text).toContain('warren_nodes{state="total"} 3');
    expect(text).toContain('warren_nodes{state="online"} 2');
    expect(text).toContain('warren_nodes{state="disabled"} 1');
    expect(text).toContain('warren_nodes{state="expired"} 1');
    expect(text).toContain('warren_map_version 42');
    expect(text).toContain('warren_relay_bytes_total{direction="relayed"} 7');
    expect(text).toContain('warren_relay_dropped_total{reason="rate"} 3');
    expect(text).toContain('warren_stun_requests_total{result="answered"} 5');
    expect(text).toContain('process_cpu_user_seconds_total');
    expect(text).not.toContain('secret-host');
    expect(await metrics.text()).toContain('warren_relay_bytes_total{direction="relayed"} 7');
  });
});
