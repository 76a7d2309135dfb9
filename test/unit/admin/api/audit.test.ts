import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiFixture } from '../../../support/admin-api.ts';
import { joinNode } from '../../../support/store.ts';

let api: ApiFixture;
beforeEach(async () => {
  api = await ApiFixture.open();
});
afterEach(() => api.close());

const row = {
  at: 0,
  actor: 'node:x',
  source: '',
  action: 'test',
  target: '',
  result: 'ok' as const,
  detail: '',
};

describe('the audit log', () => {
  it('is filtered by every column', async () => {
    const node = await joinNode(api.store, { name: 'ada' });
    await api.store.renameNode(node.id, 'bob', api.now + 10, api.actor);
    const actions = async (query: string) =>
      (await api.ask('GET', `/audit?${query}`)).body.items.map(({ action }: { action: string }) => action);
    expect(await actions('actor=admin:ada')).toEqual(['node.rename']);
    expect(await actions('actor=admin')).toEqual(['node.rename']);
    expect(await actions('actor=adm')).toEqual([]);
    expect(await actions('action=node')).toEqual(['node.rename', 'node.join']);
    expect(await actions('action=node.join')).toEqual(['node.join']);
    expect(await actions('action=no%25')).toEqual([]);
    expect(await actions(`target=ADA (${node.id}`)).toEqual(['node.rename', 'node.join']);
    expect(await actions('target=%25')).toEqual([]);
    expect(await actions('result=refused')).toEqual([]);
    const since = new Date(api.now + 10).toISOString();
    expect(await actions(`since=${since}&action=node`)).toEqual(['node.rename']);
    expect(await actions(`until=${since}&action=node`)).toEqual(['node.join']);
    expect((await api.ask('GET', '/audit?since=yesterday')).status).toBe(422);
  });

  it('is paged, and says what a change was from and to', async () => {
    const node = await joinNode(api.store, { name: 'ada' });
    await api.store.renameNode(node.id, 'bob', api.now, api.actor);
    const first = await api.ask('GET', '/audit?limit=1');
    expect(first.body.items).toMatchObject([
      {
        actor: 'admin:ada',
        source: '192.0.2.9',
        action: 'node.rename',
        target: `ada (${node.id})`,
        result: 'ok',
        before: { name: 'ada' },
        after: { name: 'bob' },
      },
    ]);
    const seen = [first.body.items[0].id];
    for (let cursor = first.body.nextCursor; cursor !== null; ) {
      const page = await api.ask('GET', `/audit?limit=1&cursor=${cursor}`);
      seen.push(...page.body.items.map(({ id }: { id: number }) => id));
      cursor = page.body.nextCursor;
    }
    expect(seen).toEqual((await api.store.listAudit({ limit: 100 })).map(({ id }) => id));
  });

  it('is exported whole, as CSV that is no formula anywhere and as JSON', async () => {
    for (let n = 0; n < 1_100; n++) await api.store.audit({ ...row, at: n, detail: `row ${n}` });
    await api.store.audit({ ...row, target: '=cmd|calc', detail: 'a "quoted", text', actor: '@sum' });
    const csv = await api.ask('GET', '/audit/export?format=csv&action=test');
    expect(csv.headers.get('Content-Type')).toBe('text/csv; charset=utf-8');
    expect(csv.headers.get('Content-Disposition')).toMatch(/^attachment; filename="warren-audit-.*\.csv"$/);
    const lines = csv.text.trimEnd().split('\r\n');
    expect(lines).toHaveLength(1 + 1_101);
    expect(lines[1]).toContain(`,'@sum,,test,'=cmd|calc,ok,"a ""quoted"", text",`);
    const json = await api.ask('GET', '/audit/export?format=json&action=test');
    expect(json.body).toHaveLength(1_101);
    expect(json.body.at(-1).detail).toBe('row 0');
    expect((await api.ask('GET', '/audit/export?format=json&action=nothing')).body).toEqual([]);
    expect((await api.ask('GET', '/audit/export?format=xml')).status).toBe(422);
  });
});
