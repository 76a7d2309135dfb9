import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiFixture } from '../../../support/admin-api.ts';
import { joinNode } from '../../../support/store.ts';

const WEB = `{
  // Everybody may see the web servers.
  "acls": [{"action": "accept", "src": ["autogroup:member"], "dst": ["tag:web:80,443"]}],
  "tests": [{"src": "autogroup:member", "accept": ["tag:web:80"], "deny": ["tag:web:22"]}],
}`;

let api: ApiFixture;
beforeEach(async () => {
  api = await ApiFixture.open();
});
afterEach(() => api.close());

async function machines(): Promise<{ laptop: string; web: string }> {
  const laptop = await joinNode(api.store, { name: 'laptop' });
  const web = await joinNode(api.store, { name: 'web' });
  await api.store.setTags(web.id, ['web'], api.now, api.actor);
  return { laptop: laptop.id, web: web.id };
}

describe('the policy', () => {
  it('is put, kept by version, and restored', async () => {
    expect((await api.ask('GET', '/policy')).body).toEqual({ policy: null });
    const first = await api.ask('PUT', '/policy', { document: WEB });
    expect(first.body.policy).toMatchObject({ version: 1, document: WEB, actor: 'admin:ada' });
    await api.ask('PUT', '/policy', { document: '{"acls": []}' });
    const restored = await api.ask('POST', '/policy/versions/1/restore');
    expect(restored.body.policy).toMatchObject({ version: 3, document: WEB, restoredFrom: 1 });
    const versions = await api.ask('GET', '/policy/versions?limit=2');
    expect(versions.body.items.map(({ version }: { version: number }) => version)).toEqual([3, 2]);
    const rest = await api.ask('GET', `/policy/versions?cursor=${versions.body.nextCursor}`);
    expect(rest.body.items).toMatchObject([{ version: 1 }]);
    expect((await api.ask('GET', '/policy/versions/1')).body.document).toBe(WEB);
    expect((await api.ask('GET', '/policy/versions/9')).status).toBe(404);
    expect((await api.ask('GET', '/policy/versions/x')).status).toBe(422);
    expect((await api.ask('POST', '/policy/versions/9/restore')).status).toBe(404);
  });

  it('SEC-38: with mistakes changes nothing, and each is told at its place', async () => {
    await api.ask('PUT', '/policy', { document: WEB });
    const answer = await api.ask('PUT', '/policy', {
      document: '{\n  "acls": [{"action": "accept", "src": ["tag:A B"], "dst": ["nobody:*"]}]\n}',
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors.length).toBeGreaterThan(1);
    expect(answer.body.errors[0]).toMatchObject({ path: 'document', line: 2, column: 41 });
    expect((await api.ask('GET', '/policy')).body.policy.version).toBe(1);
    expect(await api.store.listAudit({ limit: 1 })).toMatchObject([
      { action: 'policy.apply', result: 'refused', actor: 'admin:ada' },
    ]);
  });

  it('is put under If-Match only if nobody was faster', async () => {
    const none = (await api.ask('GET', '/policy')).headers.get('ETag') as string;
    const put = (document: string) => api.ask('PUT', '/policy', { document }, { 'If-Match': none });
    expect((await put(WEB)).status).toBe(200);
    expect((await put('{"acls": []}')).status).toBe(412);
    expect((await api.ask('GET', '/policy')).body.policy.version).toBe(1);
  });

  it('is checked without being put', async () => {
    const good = await api.ask('POST', '/policy/check', { document: WEB });
    expect(good.body).toMatchObject({ ok: true, rules: 1, tests: 1, problems: [] });
    const failing = WEB.replace('"deny": ["tag:web:22"]', '"deny": ["tag:web:443"]');
    const bad = await api.ask('POST', '/policy/check', { document: failing });
    expect(bad.body).toMatchObject({ ok: false, problems: [{ line: 4 }] });
    expect((await api.ask('GET', '/policy')).body.policy).toBeNull();
  });

  it('says why one reaches another, or why not', async () => {
    const { laptop } = await machines();
    await api.ask('PUT', '/policy', { document: WEB });
    const ask = (question: object) =>
      api.ask('POST', '/policy/explain', { source: 'laptop', destination: 'web', ...question });
    expect((await ask({ service: 'tcp/80' })).body).toMatchObject({
      allowed: true,
      rule: { id: 'acls[0]', line: 3 },
      at: 'web',
    });
    expect((await ask({ service: 'tcp/22' })).body.allowed).toBe(false);
    expect((await ask({ service: 'tcp/22', document: WEB.replace('80,443', '22') })).body.allowed).toBe(true);
    expect((await ask({ service: 'tcp' })).body.errors).toMatchObject([{ path: 'service' }]);
    const nobody = await ask({ service: 'tcp/80', destination: 'nobody' });
    expect(nobody.body.errors).toMatchObject([{ path: 'destination' }]);

    await api.store.changeNode(laptop, { disabled: true }, api.now, api.actor);
    expect((await ask({ service: 'tcp/80' })).body).toEqual({
      allowed: false,
      rule: null,
      at: 'web',
      why: ['laptop is disabled'],
    });
  });

  it('is shown as a matrix of those that no rule tells apart', async () => {
    await machines();
    await joinNode(api.store, { name: 'phone' });
    const all = await api.ask('GET', '/policy/matrix');
    expect(all.body).toMatchObject({ groups: [{ count: 3 }], cells: [[{ id: 'no policy' }]], omitted: 0 });
    await api.ask('PUT', '/policy', { document: WEB });
    const { body } = await api.ask('GET', '/policy/matrix?service=tcp/443');
    expect(body.groups).toMatchObject([
      { machines: [{ name: 'laptop' }, { name: 'phone' }], count: 2, tags: [] },
      { machines: [{ name: 'web' }], count: 1, tags: ['web'] },
    ]);
    expect(body.cells).toEqual([
      [null, { id: 'acls[0]', line: 3 }],
      [null, null],
    ]);
    expect((await api.ask('GET', '/policy/matrix?service=tcp/22')).body.cells.flat()).toEqual([
      null,
      null,
      null,
      null,
    ]);
    expect((await api.ask('GET', '/policy/matrix?limit=1')).body).toMatchObject({ omitted: 1 });
    expect((await api.ask('GET', '/policy/matrix?service=nonsense')).status).toBe(422);
  });
});
