import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseJoinToken } from '../../../../shared/join-token.ts';
import { ApiFixture } from '../../../support/admin-api.ts';
import { aRequest, sha256 } from '../../../support/store.ts';

let api: ApiFixture;
beforeEach(async () => {
  api = await ApiFixture.open();
});
afterEach(() => api.close());

describe('tokens', () => {
  it('are shown once, with the command, and admit as many as was said', async () => {
    const made = await api.ask('POST', '/tokens', {
      maxUses: 2,
      expiresIn: 600,
      tags: ['tag:web'],
      approval: true,
      description: 'the <b>web</b> servers',
    });
    expect(made.status).toBe(201);
    expect(made.body.command).toBe(`bin/agent join ${made.body.token}`);
    const { secret } = parseJoinToken(made.body.token);
    const secretHash = sha256(secret);
    for (const name of ['one', 'two']) {
      const { node } = await api.store.join(aRequest(secret, { secretHash, name }));
      expect(node).toMatchObject({ tags: ['web'], approved: false });
    }
    await expect(api.store.join(aRequest(secret, { secretHash }))).rejects.toThrow();
    const list = await api.ask('GET', '/tokens');
    expect(list.body.items).toMatchObject([
      {
        id: made.body.id,
        state: 'used',
        uses: 2,
        maxUses: 2,
        createdBy: 'admin:ada',
        description: 'the <b>web</b> servers',
      },
    ]);
    expect(list.text).not.toContain(made.body.token);
    expect((await api.ask('GET', '/machines?state=unapproved')).body.items).toHaveLength(2);
  });

  it('are for one host and an hour where nothing is said, and are revoked', async () => {
    const { body } = await api.ask('POST', '/tokens', {});
    expect(body.expiresAt).toBe(new Date(api.now + 3_600_000).toISOString());
    expect((await api.ask('DELETE', `/tokens/${body.id}`)).status).toBe(204);
    expect((await api.ask('DELETE', `/tokens/${body.id}`)).status).toBe(204);
    expect((await api.ask('GET', '/tokens')).body.items).toMatchObject([{ maxUses: 1, state: 'revoked' }]);
    expect((await api.ask('DELETE', '/tokens/nothing')).status).toBe(404);
  });

  it.each([
    [{ maxUses: 0 }, 'maxUses'],
    [{ expiresIn: 1 }, 'expiresIn'],
    [{ description: 'two\nlines' }, 'description'],
    [{ reusable: true }, 'reusable'],
  ])('refuse %j', async (body, path) => {
    const answer = await api.ask('POST', '/tokens', body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0].path).toBe(path);
  });
});
