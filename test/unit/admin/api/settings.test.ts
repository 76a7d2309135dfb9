import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiFixture } from '../../../support/admin-api.ts';

let api: ApiFixture;
beforeEach(async () => {
  api = await ApiFixture.open();
});
afterEach(() => api.close());

describe('settings', () => {
  it('are changed one by one, and what is not given stays', async () => {
    const { body } = await api.ask('GET', '/settings');
    expect(body).toMatchObject({ dns: { zone: 'warren' }, multicast: false });
    expect(body.ranges[0]).toBe('100.64.0.0/10');
    await api.ask('PATCH', '/settings', { dns: { resolvers: ['10.1.0.53'] } });
    const split = [
      { domain: 'Z.example', resolvers: ['10.1.0.54'] },
      { domain: 'a.example', resolvers: ['fd00::53'] },
    ];
    const after = await api.ask('PATCH', '/settings', {
      multicast: true,
      dns: { zone: 'Corp.Example', split },
    });
    expect(after.body).toMatchObject({
      multicast: true,
      dns: {
        zone: 'corp.example',
        resolvers: ['10.1.0.53'],
        split: [{ domain: 'a.example' }, { domain: 'z.example' }],
      },
    });
    expect(await api.store.listAudit({ limit: 1 })).toMatchObject([
      { action: 'network.change', before: { multicast: false }, after: { multicast: true } },
    ]);
  });

  it.each([
    [{ dns: { zone: 'local' } }, 'dns.zone'],
    [{ dns: { resolvers: ['127.0.0.1'] } }, 'dns.resolvers.0'],
    [{ dns: { split: [{ domain: '1.2.3.4', resolvers: ['10.0.0.1'] }] } }, 'dns.split.0.domain'],
    [{ multicast: 'on' }, 'multicast'],
    [{ ranges: [] }, 'ranges'],
  ])('refuse %j', async (body, path) => {
    const answer = await api.ask('PATCH', '/settings', body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0].path).toBe(path);
  });

  it('are changed under If-Match only if they are as they were read', async () => {
    const tag = (await api.ask('GET', '/settings')).headers.get('ETag') as string;
    const change = (multicast: boolean) => api.ask('PATCH', '/settings', { multicast }, { 'If-Match': tag });
    expect((await change(true)).status).toBe(200);
    expect((await change(false)).status).toBe(412);
  });
});

describe('relays', () => {
  it('are listed and removed', async () => {
    const relay = {
      id: 'relay-1',
      name: 'fra',
      urls: ['https://192.0.2.1:8443'],
      tlsName: 'r',
      stunServers: [],
    };
    await api.store.putRelay(relay, api.now);
    expect((await api.ask('GET', '/relays')).body.items).toMatchObject([{ id: 'relay-1', kind: 'relay' }]);
    expect((await api.ask('DELETE', '/relays/relay-1')).status).toBe(204);
    expect((await api.ask('DELETE', '/relays/relay-1')).status).toBe(404);
  });
});
