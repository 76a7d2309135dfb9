import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiFixture } from '../../support/admin-api.ts';
import { aMesh, aNode, aPath } from '../../support/mesh-view.ts';
import { NOW } from '../../support/store.ts';

let api: ApiFixture;
let mesh: ReturnType<typeof aMesh>;
let now: number;

beforeEach(async () => {
  now = NOW;
  mesh = aMesh(
    ['a', 'b', 'c'].map((id) => aNode(id, { name: `<b>${id}</b>` })),
    { monotonic: () => now - NOW, wall: () => now },
  );
  api = await ApiFixture.open({ mesh });
});

afterEach(async () => {
  mesh.telemetry.close();
  await api.close();
});

describe('the mesh by the API', () => {
  it('machines, and edges with kind, round trip and traffic', async () => {
    const asked: number[] = [];
    const a = mesh.telemetry.connect('a', (interval) => asked.push(interval));
    a.report({ peers: [aPath('b')] });
    now += 5_000;
    a.report({ peers: [aPath('b', { sentBytes: 5_000n })] });
    const { status, body } = await api.ask('GET', '/mesh');
    expect(status).toBe(200);
    expect(body.items.map(({ id, reports }: any) => [id, reports])).toEqual([
      ['a', true],
      ['b', false],
      ['c', false],
    ]);
    expect(body.edges).toEqual([
      {
        a: 'a',
        b: 'b',
        kind: 'direct',
        latency: 1.5,
        isEstimated: false,
        rate: 1_000,
        rateBack: 0,
        pairs: { direct: 1, relay: 0, none: 0 },
      },
    ]);
    // Whoever asked may ask again.
    expect(asked).toEqual([60_000, 5_000]);
  });

  it('why two machines are connected as they are, and what each says', async () => {
    mesh.telemetry.connect('a', () => {}).report({ peers: [aPath('b')] });
    const { status, body } = await api.ask('GET', '/mesh/paths/b/a');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      kind: 'direct',
      reason: expect.stringMatching(/^Direct: <b>a<\/b> sends to 192\.0\.2\.7:51820/),
      mayMeet: true,
      ends: [
        { id: 'b', path: null, reports: false, reportedAt: null },
        { id: 'a', reports: true, path: { kind: 'direct', endpoint: '192.0.2.7:51820', latencyMs: 1.5 } },
      ],
    });
    expect((await api.ask('GET', '/mesh/paths/a/x')).status).toBe(404);
    expect((await api.ask('GET', '/mesh/paths/a/a')).status).toBe(404);
  });

  it('round trips as a matrix', async () => {
    mesh.telemetry.connect('a', () => {}).report({ peers: [aPath('b')] });
    const { body } = await api.ask('GET', '/mesh/latency?search=b');
    expect(body.machines).toHaveLength(3);
    expect(body.cells[0]).toEqual([null, { kind: 'direct', latencyMs: 1.5, isEstimated: false }, null]);
    expect((await api.ask('GET', '/mesh/latency?tag=NO!')).status).toBe(422);
  });

  it('the day of a machine: bytes and round trips by the minute, changes of paths', async () => {
    const a = mesh.telemetry.connect('a', () => {});
    a.report({ peers: [aPath('b')] });
    now += 60_000;
    a.report({ peers: [aPath('b', { receivedBytes: 600n, latency: 2 })] });
    const { status, body } = await api.ask('GET', '/machines/a/history');
    expect(status).toBe(200);
    expect(body.traffic).toEqual({
      minutes: [new Date(NOW).toISOString()],
      receivedBytes: [600],
      sentBytes: [0],
    });
    expect(body.latency).toEqual([
      {
        peer: { id: 'b', name: '<b>b</b>' },
        minutes: [new Date(NOW).toISOString(), new Date(NOW + 60_000).toISOString()],
        latencyMs: [1.5, 2],
      },
    ]);
    expect(body.changes).toEqual([
      {
        at: new Date(NOW).toISOString(),
        peer: { id: 'b', name: '<b>b</b>' },
        from: 'none',
        to: 'direct',
        endpoint: '192.0.2.7:51820',
        reason: 'it was the first way to answer',
      },
    ]);
    api.now = now;
    expect((await api.ask('GET', '/machines/a/history?minutes=1')).body.latency[0].latencyMs).toEqual([2]);
    expect((await api.ask('GET', '/machines/a/history?minutes=0')).status).toBe(422);
    expect((await api.ask('GET', '/machines/x/history')).status).toBe(404);
  });
});
