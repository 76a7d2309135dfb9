import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeRecord } from '../../../../coordinator/store/contract/nodes.ts';
import { ApiFixture } from '../../../support/admin-api.ts';
import { joinNode } from '../../../support/store.ts';

let api: ApiFixture;
let node: NodeRecord;

beforeEach(async () => {
  api = await ApiFixture.open();
  node = await joinNode(api.store, {
    name: 'ada',
    offers: { routes: ['192.168.7.0/24'], exitNode: true, tags: [] },
  });
});
afterEach(() => api.close());

describe('machines', () => {
  it('are shown one by one and as a list', async () => {
    const one = await api.ask('GET', `/machines/${node.id}`);
    expect(one.status).toBe(200);
    expect(one.body).toMatchObject({ id: node.id, name: 'ada', state: 'member', keyExpiresAt: null });
    const all = await api.ask('GET', '/machines');
    expect(all.body).toEqual({ items: [one.body], nextCursor: null });
    expect((await api.ask('GET', '/machines/nobody')).status).toBe(404);
  });

  it('are searched, filtered and sorted', async () => {
    const other = await joinNode(api.store, { name: 'web', now: api.now + 5 });
    await api.store.setTags(other.id, ['server'], api.now, api.actor);
    const names = async (query: string) =>
      (await api.ask('GET', `/machines?${query}`)).body.items.map(({ name }: { name: string }) => name);
    expect(await names('sort=-name')).toEqual(['web', 'ada']);
    // Not a part of any address.
    expect(await names('search=WE')).toEqual(['web']);
    expect(await names(`search=${other.address4}`)).toEqual(['web']);
    expect(await names('tag=server')).toEqual(['web']);
    expect(await names('tag=tag:server')).toEqual(['web']);
    expect(await names('online=true')).toEqual([]);
    expect(await names('sort=-createdAt')).toEqual(['web', 'ada']);
  });

  it('are paged without a gap or a repetition, whatever joins meanwhile', async () => {
    for (const name of ['bob', 'cid', 'dan', 'eve']) await joinNode(api.store, { name });
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await api.ask('GET', `/machines?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...page.body.items.map(({ name }: { name: string }) => name));
      cursor = page.body.nextCursor;
      if (seen.length === 2) await joinNode(api.store, { name: 'aaa' });
    }
    expect(seen).toEqual(['ada', 'bob', 'cid', 'dan', 'eve']);
  });

  it.each(['x', 'W10', 'bnVsbA', Buffer.from('[1,2]').toString('base64url')])(
    'refuse the cursor %j',
    async (cursor) => {
      const answer = await api.ask('GET', `/machines?cursor=${cursor}`);
      expect(answer.status).toBe(422);
      expect(answer.body.errors).toMatchObject([{ path: 'cursor' }]);
    },
  );

  it('are changed whole or not at all, with an audit row of before and after for each change', async () => {
    await joinNode(api.store, { name: 'bob' });
    const taken = await api.ask('PATCH', `/machines/${node.id}`, { tags: ['web'], name: 'bob' });
    expect(taken.status).toBe(409);
    expect(await api.store.node(node.id)).toMatchObject({ name: 'ada', tags: [] });

    const keyExpiresAt = '2027-01-01T00:00:00.000Z';
    const changed = await api.ask('PATCH', `/machines/${node.id}`, {
      name: 'countess',
      tags: ['tag:web', 'db'],
      keyExpiresAt,
      disabled: true,
    });
    expect(changed.body).toMatchObject({
      name: 'countess',
      tags: ['db', 'web'],
      keyExpiresAt,
      state: 'disabled',
    });
    const rows = (await api.store.listAudit({ limit: 4 })).reverse();
    expect(rows).toMatchObject([
      { action: 'node.rename', before: { name: 'ada' }, after: { name: 'countess' } },
      { action: 'node.tag', before: { tags: [] }, after: { tags: ['db', 'web'] } },
      { action: 'node.expire', before: { keyExpiresAt: 0 } },
      { action: 'node.disable', before: { disabled: false }, after: { disabled: true } },
    ]);
    expect(rows[0]).toMatchObject({ actor: 'admin:ada', source: '192.0.2.9', result: 'ok' });
  });

  it('are changed under If-Match only if they are as they were read', async () => {
    const { headers } = await api.ask('GET', `/machines/${node.id}`);
    const tag = headers.get('ETag') as string;
    const change = (name: string, held: string) =>
      api.ask('PATCH', `/machines/${node.id}`, { name }, { 'If-Match': held });
    expect((await change('first', tag)).status).toBe(200);
    const late = await change('second', tag);
    expect(late.status).toBe(412);
    expect(late.body).toMatchObject({ type: 'urn:warren:problem:stale', status: 412 });
    expect((await change('second', `W/${tag}`)).status).toBe(412);
    expect((await change('second', '*')).status).toBe(200);
  });

  it.each([
    [{ name: 'Not A Label' }, 'name'],
    [{ name: '<script>' }, 'name'],
    [{ name: 'a\u0000b' }, 'name'],
    [{ tags: ['ok', 'UPPER'] }, 'tags.1'],
    [{ keyExpiresAt: 'tomorrow' }, 'keyExpiresAt'],
    [{ disabled: 'yes' }, 'disabled'],
    [{ owner: 'me' }, 'owner'],
  ])('refuse %j and name the field', async (body, path) => {
    const answer = await api.ask('PATCH', `/machines/${node.id}`, body);
    expect(answer.status).toBe(422);
    expect(answer.headers.get('Content-Type')).toBe('application/problem+json');
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toEqual([path]);
  });

  it('carry what an administrator granted', async () => {
    const route = `/machines/${node.id}/routes/${encodeURIComponent('192.168.7.0/24')}`;
    expect((await api.ask('PUT', route)).body.approvedRoutes).toEqual(['192.168.7.0/24']);
    expect((await api.ask('PUT', route)).status).toBe(200);
    expect((await api.ask('PUT', `/machines/${node.id}/exit-node`)).body.exitNodeApproved).toBe(true);
    expect((await api.ask('GET', '/routes')).body.items).toMatchObject([
      { kind: 'exit', cidr: null, approved: true, usedBy: null },
      { kind: 'subnet', cidr: '192.168.7.0/24', offered: true, approved: true, usedBy: null },
    ]);
    expect((await api.ask('PUT', `${route}/preferred`)).body.preferredRoutes).toEqual(['192.168.7.0/24']);
    expect((await api.ask('GET', '/routes')).body.items).toMatchObject([
      { kind: 'exit', preferred: false },
      { kind: 'subnet', preferred: true },
    ]);
    expect((await api.ask('DELETE', `${route}/preferred`)).body.preferredRoutes).toEqual([]);
    expect((await api.ask('GET', '/routes')).body.items).toMatchObject([{}, { preferred: false }]);
    await api.ask('PUT', `${route}/preferred`);
    expect((await api.ask('DELETE', route)).body).toMatchObject({ approvedRoutes: [], preferredRoutes: [] });
    expect((await api.ask('PUT', `${route}/preferred`)).status).toBe(404);
    expect((await api.ask('PUT', `/machines/${node.id}/routes/10.9.0.0%2F16`)).status).toBe(404);
    expect((await api.ask('PUT', `/machines/${node.id}/routes/nonsense`)).status).toBe(422);
    expect((await api.ask('PUT', `/machines/${node.id}/segments/lab`)).status).toBe(404);
  });

  it('are removed for good', async () => {
    expect((await api.ask('DELETE', `/machines/${node.id}`)).status).toBe(204);
    expect((await api.ask('DELETE', `/machines/${node.id}`)).status).toBe(404);
  });
});
