import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WarrenError } from '../../../../shared/errors.ts';
import { ApiFixture } from '../../../support/admin-api.ts';

let api: ApiFixture;
beforeEach(async () => {
  api = await ApiFixture.open();
});
afterEach(() => api.close());

describe('every request to the API', () => {
  it('of a path that is not there is a problem', async () => {
    const answer = await api.ask('GET', '/nothing/here');
    expect(answer.status).toBe(404);
    expect(answer.headers.get('Content-Type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ type: 'urn:warren:problem:not-found', status: 404 });
  });

  it('of another method is told which there are', async () => {
    const answer = await api.ask('PUT', '/machines/abc', {});
    expect(answer.status).toBe(405);
    expect(answer.headers.get('Allow')).toBe('DELETE, GET, HEAD, PATCH');
  });

  it('by HEAD has the headers of GET and no body', async () => {
    const get = await api.ask('GET', '/machines');
    const head = await api.ask('HEAD', '/machines');
    expect(head.status).toBe(200);
    expect(head.text).toBe('');
    expect(head.headers.get('ETag')).toBe(get.headers.get('ETag'));
  });

  it('is answered 304 for what the asker holds already', async () => {
    const tag = (await api.ask('GET', '/machines')).headers.get('ETag') as string;
    for (const held of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const answer = await api.ask('GET', '/machines', undefined, { 'If-None-Match': held });
      expect(answer.status).toBe(304);
      expect(answer.headers.get('ETag')).toBe(tag);
    }
    expect((await api.ask('GET', '/machines', undefined, { 'If-None-Match': '"other"' })).status).toBe(200);
  });

  it.each([
    ['another content type', 'a=b', { 'Content-Type': 'application/x-www-form-urlencoded' }, 415],
    ['no content type', '{}', { 'Content-Type': '' }, 415],
    ['JSON that is none', '{"maxUses": ', {}, 400],
    ['too much', JSON.stringify({ description: 'x'.repeat(70_000) }), {}, 413],
    ['a list', '[]', {}, 422],
  ])('with %s is refused', async (_, body, headers, status) => {
    const answer = await api.ask('POST', '/tokens', body, headers);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ status });
    expect(await api.store.listTokens()).toEqual([]);
  });

  it('SEC-53: is told that the database is away, and never shown an empty list', async () => {
    await api.close();
    const broken = new Proxy(api.store, {
      get: () => async () => {
        throw new WarrenError('unavailable', 'the database is away', { hint: 'try again' });
      },
    });
    api = await ApiFixture.open({ store: broken });
    const answer = await api.ask('GET', '/machines');
    expect(answer.status).toBe(503);
    expect(answer.body.detail).toBe('the database is away; try again');
  });

  it('finds the description of all that there is', async () => {
    const { body } = await api.ask('GET', '/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths)).toContain('/machines/{id}');
  });

  it('who asks is told', async () => {
    expect((await api.ask('GET', '/me')).body).toEqual({
      name: 'admin:ada',
      role: 'owner',
      userId: 'u1',
      userName: 'ada',
      scopes: [],
    });
  });
});
