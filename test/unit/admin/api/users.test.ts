import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdminFixture, PASSPHRASE } from '../../../support/admin-app.ts';

let fixture: AdminFixture;
let cookie: string;
beforeEach(async () => {
  fixture = await AdminFixture.open();
  await fixture.account();
  cookie = await fixture.signIn();
});
afterEach(() => fixture.close());

async function ask(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { Cookie: cookie },
) {
  const answer = await fixture.ask(method, `/api/v1${path}`, body, headers);
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
}

describe('accounts by the API', () => {
  it('an invitation makes an account and a link, with which somebody sets a passphrase', async () => {
    const made = await ask('POST', '/users', { name: 'Bob@Example.com', displayName: 'Bob', role: 'admin' });
    expect(made.status).toBe(201);
    expect(made.body.user).toMatchObject({ name: 'bob@example.com', role: 'admin', hasPassphrase: false });
    const url = new URL(made.body.link);
    expect(url.origin).toBe('http://127.0.0.1:8080');
    const code = url.searchParams.get('code') as string;
    const answer = await fixture.post('/welcome', { code, passphrase: PASSPHRASE, again: PASSPHRASE });
    expect(answer.status).toBe(303);
    expect((await ask('GET', '/users')).body.items).toMatchObject([{ name: 'ada' }, { hasPassphrase: true }]);
    expect((await ask('POST', '/users', { name: 'bob@example.com' })).status).toBe(409);
    const bad = await ask('POST', '/users', { name: '<b>', role: 'god', more: 1 });
    expect(bad.status).toBe(422);
    expect(bad.body.errors.map(({ path }: { path: string }) => path).sort()).toEqual([
      'more',
      'name',
      'role',
    ]);
  });

  it('a change is refused on what is old, and the last owner stays', async () => {
    const ada = (await ask('GET', '/users')).body.items[0];
    const { headers } = await ask('GET', `/users/${ada.id}`);
    expect((await ask('PATCH', `/users/${ada.id}`, { displayName: 'Ada L.' })).status).toBe(200);
    const stale = { Cookie: cookie, 'If-Match': headers.get('ETag') as string };
    expect((await ask('PATCH', `/users/${ada.id}`, { displayName: 'Eve' }, stale)).status).toBe(412);
    for (const [method, body] of [
      ['PATCH', { role: 'admin' }],
      ['PATCH', { disabled: true }],
      ['DELETE', undefined],
    ] as const) {
      const answer = await ask(method, `/users/${ada.id}`, body);
      expect(answer.status).toBe(409);
      expect(answer.body.detail).toContain('last owner');
    }
  });

  it('SEC-58: nobody raises a role, their own or by a key, and no key makes keys', async () => {
    const eve = await fixture.account('eve', 'admin');
    const hers = { Cookie: await fixture.signIn('eve') };
    expect((await ask('PATCH', `/users/${eve.id}`, { role: 'owner' }, hers)).status).toBe(403);
    expect((await ask('POST', '/users', { name: 'mallory', role: 'owner' }, hers)).status).toBe(403);
    expect((await ask('POST', '/api-keys', { name: 'k', scopes: ['*'], role: 'owner' }, hers)).status).toBe(
      403,
    );

    const { secret } = (await ask('POST', '/api-keys', { name: 'all', scopes: ['*'], role: 'admin' })).body;
    const key = { Authorization: `Bearer ${secret}` };
    expect((await ask('GET', '/machines', undefined, key)).status).toBe(200);
    expect((await ask('POST', '/users', { name: 'mallory' }, key)).status).toBe(403);
    const whole = await ask('POST', '/api-keys', { name: 'own', scopes: ['*'], role: 'owner' });
    const ownersKey = { Authorization: `Bearer ${whole.body.secret}` };
    expect((await ask('GET', '/users', undefined, ownersKey)).status).toBe(200);
    for (const [method, path, body] of [
      ['POST', '/api-keys', { name: 'k', scopes: ['*'] }],
      ['PUT', '/account/passphrase', { current: PASSPHRASE, passphrase: 'seven green kettles' }],
      ['POST', '/account/passkeys/options', {}],
      ['DELETE', '/account/sessions', undefined],
      // What would let it sign in as an owner.
      ['POST', '/users', { name: 'mallory', role: 'owner' }],
      ['PATCH', `/users/${eve.id}`, { role: 'owner' }],
      ['POST', `/users/${eve.id}/link`, { reset: true }],
    ] as const) {
      expect((await ask(method, path, body, ownersKey)).status, path).toBe(403);
    }
  });
});

describe('API keys', () => {
  const make = async (body: object) => (await ask('POST', '/api-keys', { name: 'job', ...body })).body;
  const bearer = (secret: string) => ({ Authorization: `Bearer ${secret}` });

  it('are shown once, need no Origin, and do what their scopes allow as their account', async () => {
    const { key, secret } = await make({ scopes: ['machines:read', 'tokens:write'] });
    expect(secret).toMatch(/^warren_key_[\w-]{43}$/);
    expect((await ask('GET', '/api-keys')).body.items).toEqual([key]);
    expect(key).toMatchObject({ owner: 'ada', role: 'admin', lastUsedAt: null });
    const headers = { ...bearer(secret), Origin: 'https://elsewhere.example' };
    expect((await ask('GET', '/me', undefined, headers)).body).toMatchObject({
      name: 'api-key:job of ada',
      role: 'admin',
    });
    expect((await ask('GET', '/machines', undefined, headers)).status).toBe(200);
    expect((await ask('GET', '/audit', undefined, headers)).status).toBe(403);
    expect((await ask('DELETE', '/machines/x', undefined, headers)).status).toBe(403);
    expect((await ask('POST', '/tokens', {}, headers)).status).toBe(201);
    expect(await fixture.audited('token.create')).toMatchObject([{ actor: 'api-key:job of ada' }]);
    expect((await fixture.store.listTokens())[0]?.owner).toBe('ada');
    expect((await ask('GET', '/api-keys')).body.items[0].lastUsedAt).not.toBeNull();
    // The pages are for people.
    expect((await fixture.get('/', headers)).status).toBe(401);
  });

  it('a key beside a session counts alone', async () => {
    const headers = { ...bearer('warren_key_nonsense'), Cookie: cookie };
    expect((await ask('GET', '/machines', undefined, headers)).status).toBe(401);
    const basic = { Authorization: 'Basic YTpi', Cookie: cookie };
    expect((await ask('GET', '/machines', undefined, basic)).status).toBe(200);
    const foreign = { ...basic, Origin: 'https://evil.example' };
    expect((await fixture.ask('POST', '/api/v1/tokens', {}, foreign)).status).toBe(403);
  });

  it('end by age, by hand, and with the role of their account', async () => {
    const { secret } = await make({ scopes: ['machines:write'], expiresIn: 60 });
    expect((await ask('GET', '/machines', undefined, bearer(secret))).status).toBe(200);
    fixture.now += 60_000;
    expect((await ask('GET', '/machines', undefined, bearer(secret))).status).toBe(401);

    const other = await make({ scopes: ['machines:write'], expiresIn: null });
    const bob = await fixture.account('bob');
    const ada = (await fixture.store.accounts.userNamed('ada'))!;
    await fixture.store.accounts.changeUser(
      ada.id,
      { role: 'auditor' },
      { actor: 'admin:bob', source: '', now: fixture.now, userId: bob.id },
    );
    expect((await ask('GET', '/machines', undefined, bearer(other.secret))).status).toBe(200);
    expect((await ask('DELETE', '/machines/x', undefined, bearer(other.secret))).status).toBe(403);
    const hers = { Cookie: await fixture.signIn('bob') };
    expect((await ask('DELETE', `/api-keys/${other.key.id}`, undefined, hers)).status).toBe(204);
    expect((await ask('GET', '/machines', undefined, bearer(other.secret))).status).toBe(401);
  });

  it('need a scope that there is', async () => {
    for (const scopes of [[], ['machines'], ['api-keys:write'], ['account:write']]) {
      expect((await ask('POST', '/api-keys', { name: 'x', scopes })).status).toBe(422);
    }
  });
});
