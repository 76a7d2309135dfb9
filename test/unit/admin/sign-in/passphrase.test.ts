import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ABSOLUTE_LIFETIME, IDLE_LIFETIME } from '../../../../coordinator/admin/accounts/sessions.ts';
import { FREE_FAILURES } from '../../../../coordinator/admin/accounts/throttle.ts';
import { AdminFixture, cookieOf, PASSPHRASE, PROXY } from '../../../support/admin-app.ts';

let fixture: AdminFixture;
beforeEach(async () => {
  fixture = await AdminFixture.open();
});
afterEach(() => fixture.close());

const attempt = (name: string, passphrase: string) => fixture.post('/sign-in', { name, passphrase });

describe('signing in with a passphrase', () => {
  it('SEC-54: without a session nobody sees a machine, and no default opens one', async () => {
    expect((await fixture.get('/', { Accept: 'text/html' })).headers.get('Location')).toBe('/sign-in');
    expect((await fixture.get('/machines/table')).status).toBe(401);
    expect((await fixture.get('/events')).status).toBe(401);
    expect((await fixture.get('/api/v1/machines')).status).toBe(401);
    for (const name of ['admin', 'owner', 'root', 'warren', '']) {
      for (const passphrase of ['', 'admin', 'warren', 'password', 'changeme']) {
        expect([401, 429]).toContain((await attempt(name, passphrase)).status);
      }
    }
  });

  it('leads back to where the session ended, and to no other site', async () => {
    await fixture.account();
    const answer = await fixture.get('/machines?sort=name', { Accept: 'text/html' });
    expect(answer.status).toBe(303);
    expect(answer.headers.get('Location')).toBe('/sign-in?return=%2Fmachines%3Fsort%3Dname');
    const page = await (await fixture.get(answer.headers.get('Location') as string)).text();
    expect(page).toContain('value="/machines?sort=name"');
    const back = async (path: string) => {
      const body = { name: 'ada', passphrase: PASSPHRASE, return: path };
      return (await fixture.post('/sign-in', body)).headers.get('Location');
    };
    expect(await back('/machines?sort=name#x')).toBe('/machines?sort=name#x');
    for (const path of [
      '//evil.example',
      '/\\evil.example',
      'https://evil.example/',
      '/\t/evil.example',
      '/.//evil.example',
      '/machines/..//evil.example',
      '/%2e//evil.example',
      'javascript:alert(1)',
      '/sign-in',
    ]) {
      expect(await back(path), path).toBe('/');
    }
  });

  it('SEC-55: the cookie is HttpOnly and SameSite, and over TLS Secure and of this host alone', async () => {
    await fixture.account();
    const plain = (await attempt('ada', PASSPHRASE)).headers.get('Set-Cookie') as string;
    expect(plain).toMatch(/^warren-session=[\w-]{43}; .*HttpOnly.*SameSite=Lax/);
    expect(plain).not.toContain('Secure');

    const secure = { 'X-Forwarded-Proto': 'https', Origin: 'https://127.0.0.1:8080' };
    const body = { name: 'ada', passphrase: PASSPHRASE };
    // Who is no proxy of ours is not believed.
    const strange = await fixture.post('/sign-in', body, secure);
    expect(strange.headers.get('Set-Cookie')).not.toContain('Secure');
    fixture.address = PROXY;
    const answer = await fixture.post('/sign-in', body, secure);
    const cookie = answer.headers.get('Set-Cookie') as string;
    expect(cookie).toMatch(/^__Host-warren-session=/);
    for (const attribute of ['HttpOnly', 'Secure', 'SameSite=Lax', 'Path=/'])
      expect(cookie).toContain(attribute);
    expect(cookie).not.toContain('Domain');
    const Cookie = cookieOf(answer);
    expect((await fixture.get('/api/v1/me', { Cookie, 'X-Forwarded-Proto': 'https' })).status).toBe(200);
  });

  it('SEC-55: a session ends idle and absolutely, by the server', async () => {
    await fixture.account();
    const me = async (Cookie: string) => (await fixture.get('/api/v1/me', { Cookie })).status;
    const idle = await fixture.signIn();
    fixture.now += IDLE_LIFETIME - 1;
    // What the page fetches by itself is nothing a person did.
    expect((await fixture.get('/api/v1/me', { Cookie: idle, 'Warren-Refresh': '1' })).status).toBe(200);
    fixture.now += 1;
    expect(await me(idle)).toBe(401);

    const busy = await fixture.signIn();
    for (let spent = 0; spent < ABSOLUTE_LIFETIME; spent += IDLE_LIFETIME / 2) {
      expect(await me(busy)).toBe(200);
      fixture.now += IDLE_LIFETIME / 2;
    }
    expect(await me(busy)).toBe(401);
  });

  it('SEC-55: each sign-in makes a new session and ends the one of before; sign-out revokes it', async () => {
    await fixture.account();
    const first = await fixture.signIn();
    const answer = await fixture.post('/sign-in', { name: 'ada', passphrase: PASSPHRASE }, { Cookie: first });
    const second = cookieOf(answer);
    expect(second).not.toBe(first);
    expect((await fixture.get('/api/v1/me', { Cookie: first })).status).toBe(401);
    expect((await fixture.get('/api/v1/me', { Cookie: second })).status).toBe(200);
    const out = await fixture.post('/sign-out', {}, { Cookie: second });
    expect(out.headers.get('Set-Cookie')).toMatch(/warren-session=;.*Max-Age=0/);
    expect((await fixture.get('/api/v1/me', { Cookie: second })).status).toBe(401);
  });

  it('SEC-55: an account that is disabled or gone is out at once', async () => {
    await fixture.account();
    const bob = await fixture.account('bob');
    const by = { actor: 'cli', source: '', now: fixture.now, userId: null };
    const Cookie = await fixture.signIn('bob');
    await fixture.store.accounts.changeUser(bob.id, { disabled: true }, by);
    expect((await fixture.get('/api/v1/me', { Cookie })).status).toBe(401);
    expect((await attempt('bob', PASSPHRASE)).status).toBe(401);
    await fixture.store.accounts.removeUser(bob.id, by);
    expect((await attempt('bob', PASSPHRASE)).status).toBe(401);
  });
});

describe('guessing', () => {
  it('SEC-57: after ten failures an account waits, longer each time, whoever asks', async () => {
    await fixture.account();
    for (let i = 0; i < FREE_FAILURES; i++) {
      fixture.address = `198.51.100.${i}`;
      expect((await attempt('ada', 'wrong')).status).toBe(401);
    }
    fixture.address = '203.0.113.1';
    const waits: number[] = [];
    for (let i = 0; i < 4; i++) {
      const answer = await attempt('ada', PASSPHRASE);
      expect(answer.status).toBe(429);
      const seconds = Number(answer.headers.get('Retry-After'));
      waits.push(seconds);
      fixture.now += seconds * 1000;
      if (i < 3) expect((await attempt('ada', 'wrong')).status).toBe(401);
    }
    expect(waits).toEqual([30, 60, 120, 240]);
    expect((await attempt('ada', PASSPHRASE)).status).toBe(303);
    expect((await attempt('ada', 'wrong')).status).toBe(401);
    expect((await attempt('ada', PASSPHRASE)).status).toBe(303);
  });

  it('SEC-57: an address waits too, a /64 of IPv6 as one, and others do not', async () => {
    await fixture.account();
    fixture.address = '2001:db8:1:2::1';
    for (let i = 0; i < FREE_FAILURES; i++) expect((await attempt(`user${i}`, 'wrong')).status).toBe(401);
    fixture.address = '2001:db8:1:2:ffff::9';
    expect((await attempt('ada', PASSPHRASE)).status).toBe(429);
    fixture.address = '2001:db8:1:3::1';
    expect((await attempt('ada', PASSPHRASE)).status).toBe(303);
  });

  it('SEC-57: whoever waits has no other failures forgotten, by however many names', async () => {
    const { throttle } = fixture.services;
    for (let i = 0; i < FREE_FAILURES; i++) throttle.attempt('ada', `198.51.100.${i}`);
    for (let i = 0; i < FREE_FAILURES; i++) throttle.attempt(`user${i}`, '192.0.2.1');
    for (let i = 0; i < 30_000; i++) throttle.attempt(`name${i}`, '192.0.2.1');
    expect(throttle.attempt('ada', '203.0.113.1')).toMatchObject({ seconds: 30 });
  });

  it('SEC-57: many at once are no more than ten', async () => {
    await fixture.account();
    const answers = await Promise.all(Array.from({ length: 30 }, () => attempt('ada', 'wrong')));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(FREE_FAILURES);
    expect(statuses.filter((status) => status === 429)).toHaveLength(20);
  });

  it('SEC-57: a name that nobody has costs the same work and gets the same answer', async () => {
    await fixture.account();
    const hashed: string[] = [];
    const { passphrases } = fixture.services;
    const verify = passphrases.verify.bind(passphrases);
    passphrases.verify = (passphrase, hash) => {
      hashed.push(passphrase);
      return verify(passphrase, hash);
    };
    const text = async (name: string) =>
      (await (await attempt(name, 'wrong')).text()).replaceAll(name, 'NAME');
    expect(await text('nobody')).toBe(await text('ada'));
    expect(hashed).toHaveLength(2);
  });

  it('SEC-57: failures are in the audit log, without what was typed', async () => {
    await fixture.account();
    await attempt('ada', 'tr0ub4dor');
    await attempt('correct horse battery staple', '');
    for (let i = 0; i < FREE_FAILURES + 3; i++) await attempt('ada', 'tr0ub4dor');
    const rows = await fixture.audited('user.sign-in');
    expect(rows).toHaveLength(FREE_FAILURES + 1);
    expect(rows.at(-1)).toMatchObject({
      actor: 'sign-in',
      source: '192.0.2.7',
      target: 'ada',
      result: 'refused',
      detail: 'wrong passphrase',
    });
    expect(rows.at(-2)).toMatchObject({ target: '', detail: 'unknown name' });
    expect(rows[0]).toMatchObject({ detail: 'too many failures' });
    expect(JSON.stringify(rows)).not.toMatch(/tr0ub4dor|horse/);
  });
});
