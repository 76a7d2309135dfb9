import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PathKind } from '../../../proto/gen/warren.ts';
import { AdminFixture } from '../../support/admin-app.ts';
import { aMesh, aNode, aPath } from '../../support/mesh-view.ts';

const EVIL = '<script>alert(1)</script>';
let admin: AdminFixture;
let mesh: ReturnType<typeof aMesh>;
let cookie: string;

beforeEach(async () => {
  mesh = aMesh(['a', 'b', 'c'].map((id) => aNode(id)));
  admin = await AdminFixture.open({ changes: { mesh } });
  await admin.account('ada', 'auditor');
  cookie = await admin.signIn('ada');
});

afterEach(async () => {
  mesh.telemetry.close();
  await admin.close();
});

const get = (path: string) => admin.get(path, { Cookie: cookie, Accept: 'text/html' });

describe('the pages of the mesh', () => {
  it.each(['/map', '/map/pairs', '/map/latency', '/map/pair/a/b', '/map/machine/a/panel'])(
    '%s is for everybody who may look, and for nobody else',
    async (path) => {
      expect((await get(path)).status).toBe(200);
      const stranger = await admin.get(path, { Accept: 'text/html' });
      expect([303, 401]).toContain(stranger.status);
    },
  );

  it('SEC-59: what an agent says is shown as text', async () => {
    const peer = aPath('b', { kind: PathKind.PATH_KIND_RELAY, reason: EVIL, advice: EVIL, endpoint: EVIL });
    mesh.telemetry.connect('a', () => {}).report({ peers: [peer] });
    for (const path of ['/map/pair/a/b', '/map/pair/a/b/panel', '/map/pairs', '/map/machine/a/panel']) {
      expect(await (await get(path)).text()).not.toContain(EVIL);
    }
    const panel = await (await get('/map/pair/a/b/panel')).text();
    expect(panel).toContain('&lt;script&gt;');
  });

  it('SEC-59: what is searched for is shown as text', async () => {
    for (const path of ['/map/pairs', '/map/latency']) {
      const text = await (await get(`${path}?search=${encodeURIComponent(`"${EVIL}`)}`)).text();
      expect(text).not.toContain(EVIL);
    }
  });

  it('pairs are filtered by name and path', async () => {
    const a = mesh.telemetry.connect('a', () => {});
    a.report({ peers: [aPath('b'), aPath('c', { kind: PathKind.PATH_KIND_RELAY })] });
    const pairs = async (query: string) =>
      [...(await (await get(`/map/pairs/table${query}`)).text()).matchAll(/data-key="(\w \w)"/g)].map(
        ([, key]) => key,
      );
    expect(await pairs('')).toEqual(['a b', 'a c']);
    expect(await pairs('?kind=relay')).toEqual(['a c']);
    expect(await pairs('?search=b')).toEqual(['a b']);
    expect(await pairs('?search=b&kind=relay')).toEqual([]);
  });

  it('a pair that is none is not found', async () => {
    expect((await get('/map/pair/a/x')).status).toBe(404);
    expect((await get('/map/machine/x/panel')).status).toBe(404);
  });

  it('the stream begins with the whole picture', async () => {
    const answer = await get('/map/events');
    expect(answer.headers.get('Content-Type')).toContain('text/event-stream');
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    const { value } = await reader.read();
    const text = new TextDecoder().decode(value);
    expect(text).toMatch(/^event: picture\n/);
    expect(text).toContain('"items"');
    await reader.cancel();
  });
});
