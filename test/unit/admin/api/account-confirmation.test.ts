import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONFIRMED_FOR } from '../../../../coordinator/admin/accounts/sessions.ts';
import { FREE_FAILURES } from '../../../../coordinator/admin/accounts/throttle.ts';
import { AdminFixture, cookieOf, PASSPHRASE } from '../../../support/admin-app.ts';

let fixture: AdminFixture;
let cookie: string;
beforeEach(async () => {
  fixture = await AdminFixture.open();
  await fixture.account();
  cookie = await fixture.signIn();
});
afterEach(() => fixture.close());

async function ask(method: string, path: string, body?: unknown, Cookie = cookie) {
  const answer = await fixture.ask(method, `/api/v1${path}`, body, { Cookie });
  const text = await answer.clone().text();
  return { status: answer.status, answer, body: text === '' ? undefined : JSON.parse(text) };
}
const invite = (name: string, Cookie?: string) => ask('POST', '/users', { name }, Cookie);
const confirm = (passphrase: string, Cookie?: string) =>
  ask('PUT', '/account/confirmation', { passphrase }, Cookie);
/** The cookies of a browser, with what an answer set. */
const withNew = (answer: Response, before = cookie) => {
  const jar = new Map<string, string>();
  for (const one of [...before.split('; '), ...cookieOf(answer).split('; ')]) {
    jar.set(one.split('=')[0] as string, one);
  }
  return [...jar.values()].join('; ');
};
const sessionOf = (Cookie: string) => /warren-session=[\w-]+/.exec(Cookie)?.[0] as string;

describe('confirming who one is', () => {
  it('is done by signing in, and asked for again ten minutes later, as a problem of its own', async () => {
    fixture.now += CONFIRMED_FOR - 1;
    expect((await invite('bob')).status).toBe(201);
    fixture.now += 1;
    const { status, body } = await invite('carol');
    expect(status).toBe(403);
    expect(body).toMatchObject({
      type: 'urn:warren:problem:confirmation-required',
      title: 'Confirm who you are',
      status: 403,
    });
    expect((await ask('GET', '/users')).body.items).toHaveLength(2);
  });

  it('by the passphrase lets the same request through, for ten minutes, with an audit row', async () => {
    fixture.now += CONFIRMED_FOR;
    expect((await ask('GET', '/account/confirmation')).body).toEqual({
      confirmedUntil: null,
      name: 'ada',
      passphrase: true,
      passkey: false,
      provider: null,
    });
    const wrong = await confirm('not this one');
    expect(wrong.status).toBe(422);
    expect(wrong.body.errors).toMatchObject([{ path: 'passphrase' }]);
    const { status, answer } = await confirm(PASSPHRASE);
    expect(status).toBe(204);
    expect(answer.headers.get('Set-Cookie')).toMatch(/^warren-confirmed=[\w-]{43}; .*HttpOnly/);
    cookie = withNew(answer);
    expect((await invite('bob')).status).toBe(201);
    const { body } = await ask('GET', '/account/confirmation');
    expect(body.confirmedUntil).toBe(new Date(fixture.now + CONFIRMED_FOR).toISOString());
    fixture.now += CONFIRMED_FOR;
    expect((await invite('carol')).status).toBe(403);
    expect(await fixture.audited('user.confirm')).toMatchObject([
      { actor: 'admin:ada', target: 'ada', result: 'ok', detail: 'by passphrase' },
      { actor: 'admin:ada', target: 'ada', result: 'refused', detail: 'wrong passphrase' },
    ]);
  });

  it('SEC-55: lets no other browser through that has the same session', async () => {
    const stolen = sessionOf(cookie);
    expect((await invite('eve', stolen)).status).toBe(403);
    fixture.now += CONFIRMED_FOR;
    const thief = cookie;
    cookie = withNew((await confirm(PASSPHRASE)).answer);
    for (const each of [stolen, thief, `${stolen}; warren-confirmed=`]) {
      expect((await invite('eve', each)).status, each).toBe(403);
    }
    expect((await invite('bob')).status).toBe(201);
  });

  it('SEC-57: is guessed no faster than signing in, and nobody else waits for it', async () => {
    fixture.now += CONFIRMED_FOR;
    for (let i = 0; i < FREE_FAILURES; i++) {
      fixture.address = `198.51.100.${i}`;
      expect((await confirm('wrong')).status).toBe(422);
    }
    fixture.address = '203.0.113.5';
    const { status, answer } = await confirm(PASSPHRASE);
    expect(status).toBe(429);
    expect(answer.headers.get('Retry-After')).toBe('30');
    fixture.now += 30_000;
    expect((await confirm('wrong')).status).toBe(422);
    expect((await confirm(PASSPHRASE)).answer.headers.get('Retry-After')).toBe('60');
    // Whoever has the passphrase signs in meanwhile, and is confirmed by that.
    cookie = await fixture.signIn();
    expect((await invite('bob')).status).toBe(201);
    const refused = (await fixture.audited('user.confirm')).filter(({ result }) => result === 'refused');
    expect(refused.map(({ detail }) => detail)).toContain('too many failures');
  });

  it('takes one proof, and no passkey’s answer that was not asked for', async () => {
    const response = { id: 'c0ffee', rawId: 'c0ffee', type: 'public-key', response: {} };
    for (const body of [{}, { passphrase: PASSPHRASE, passkey: { ticket: 'x', response } }]) {
      expect((await ask('PUT', '/account/confirmation', body)).status).toBe(422);
    }
    const local = { Host: 'localhost:8080', Origin: 'http://localhost:8080', Cookie: cookie };
    const asked = await fixture.ask('POST', '/api/v1/account/confirmation/passkey', {}, local);
    const { ticket, options } = (await asked.json()) as { ticket: string; options: { rpId: string } };
    expect(options).toMatchObject({ rpId: 'localhost', userVerification: 'required' });
    // A question of this kind does not let anybody sign in, nor one of signing in confirm.
    const signIn = await fixture.ask('POST', '/sign-in/passkey', { ticket, response }, local);
    expect(await signIn.json()).toMatchObject({ detail: expect.stringContaining('too long') });
    const begun = await fixture.ask('POST', '/sign-in/passkey/options', {}, local);
    const other = ((await begun.json()) as { ticket: string }).ticket;
    const answer = await ask('PUT', '/account/confirmation', { passkey: { ticket: other, response } });
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toContain('too long');
  });

  it('an account without a passphrase confirms before it sets one', async () => {
    const user = await fixture.account('bob');
    const by = { actor: 'cli', source: '', now: fixture.now, userId: null };
    await fixture.store.accounts.resetCredentials(user.id, by);
    const session = { userId: user.id, method: 'passkey', address: '', userAgent: '' };
    const secrets = await fixture.services.sessions.create(session, by);
    const set = (confirmed: string) =>
      ask(
        'PUT',
        '/account/passphrase',
        { passphrase: 'seven green kettles' },
        `warren-session=${secrets.session}; warren-confirmed=${confirmed}`,
      );
    expect((await set('')).body.type).toBe('urn:warren:problem:confirmation-required');
    expect((await set(secrets.confirmation)).status).toBe(204);
  });

  it('is told by the document for each operation that asks for it', async () => {
    const { paths } = (await ask('GET', '/openapi.json')).body;
    expect(paths['/api-keys'].post.description).toContain('confirmed who they are');
    expect(paths['/api-keys'].get.description ?? '').not.toContain('confirmed who they are');
  });
});
