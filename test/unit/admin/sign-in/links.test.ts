import { Secret, TOTP } from 'otpauth';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { firstRunLink, localLink, welcomeLink } from '../../../../coordinator/admin/accounts/links.ts';
import { newTotpSecret } from '../../../../coordinator/admin/accounts/second-factor.ts';
import { LIFETIMES } from '../../../../coordinator/admin/accounts/tickets.ts';
import { AdminFixture, cookieOf, PASSPHRASE } from '../../../support/admin-app.ts';

let fixture: AdminFixture;
beforeEach(async () => {
  fixture = await AdminFixture.open();
});
afterEach(() => fixture.close());

const firstRun = async () => codeOf(await firstRunLink(fixture.services.tickets, 'http://x'));
const codeOf = (link: string) => new URL(link).searchParams.get('code') as string;
const links = () => ({
  store: fixture.store,
  tickets: fixture.services.tickets,
  base: 'http://x',
  now: fixture.now,
});
const BODY = { name: 'ada', displayName: 'Ada', passphrase: PASSPHRASE, again: PASSPHRASE };

describe('the first run', () => {
  it('SEC-54: whoever opens the link makes the owner’s account with a passphrase of their own', async () => {
    const code = await firstRun();
    expect(await (await fixture.get(`/first-run?code=${code}`)).text()).toContain(code);
    const answer = await fixture.post('/first-run', { ...BODY, code });
    expect(answer.status).toBe(303);
    const me = await fixture.get('/api/v1/me', { Cookie: cookieOf(answer) });
    expect(await me.json()).toMatchObject({ name: 'admin:ada', role: 'owner' });
    expect(await fixture.signIn()).toMatch(/^warren-session=/);
  });

  it('SEC-54: the link works once, and no second one makes another owner', async () => {
    const [code, other] = [await firstRun(), await firstRun()];
    const outcome = await Promise.all(
      [code, code, other].map((each, index) =>
        fixture.post('/first-run', { ...BODY, name: `ada${index}`, code: each }),
      ),
    );
    expect(outcome.map(({ status }) => status).sort()).toEqual([303, 401, 401]);
    expect(await fixture.store.accounts.listUsers()).toHaveLength(1);
    expect((await fixture.post('/first-run', { ...BODY, name: 'eve', code: other })).status).toBe(401);
    const rows = JSON.stringify(await fixture.store.listAudit({ limit: 100 }));
    expect(rows).not.toContain(code);
  });

  it('a link dies of age, and is not used up by what is refused', async () => {
    const code = await firstRun();
    for (const [changes, field] of [
      [{ name: '<script>' }, 'letters, digits'],
      [{ passphrase: 'short', again: 'short' }, 'at least 12'],
      [{ passphrase: 'ada-warren-123456', again: 'ada-warren-123456' }, 'too easy'],
      [{ again: 'something else' }, 'not the same'],
    ] as const) {
      const answer = await fixture.post('/first-run', { ...BODY, code, ...changes });
      expect(answer.status).toBe(422);
      const page = await answer.text();
      expect(page).toContain(field);
      expect(page).not.toContain('<script>a');
    }
    fixture.now += LIFETIMES['first-run'];
    expect((await fixture.post('/first-run', { ...BODY, code })).status).toBe(401);
  });
});

describe('a link for a passphrase', () => {
  it('sets it, signs in, ends other sessions, and works once', async () => {
    const ada = await fixture.account();
    const before = await fixture.signIn();
    const code = codeOf(await welcomeLink(links(), ada, { actor: 'cli', source: '' }));
    const body = { code, passphrase: 'seven green kettles', again: 'seven green kettles' };
    const answer = await fixture.post('/welcome', body);
    expect(answer.status).toBe(303);
    expect((await fixture.get('/api/v1/me', { Cookie: before })).status).toBe(401);
    expect((await fixture.get('/api/v1/me', { Cookie: cookieOf(answer) })).status).toBe(200);
    expect(await fixture.signIn('ada', 'seven green kettles')).toMatch(/^warren-session=/);
    expect((await fixture.post('/welcome', body)).status).toBe(401);
    expect(await fixture.audited('user.link')).toMatchObject([{ target: 'ada' }]);
  });

  it('is no way around a second factor, which it leaves as it is', async () => {
    const ada = await fixture.account();
    const { sealer } = fixture.services;
    const by = { actor: 'cli', source: '', now: fixture.now, userId: null };
    const secret = newTotpSecret();
    await fixture.store.accounts.setTotp(
      ada.id,
      { sealed: sealer.seal(secret, ada.id), recoveryCodes: [] },
      by,
    );
    const code = codeOf(await welcomeLink(links(), ada, by));
    const body = { code, passphrase: 'seven green kettles', again: 'seven green kettles' };
    const asked = await fixture.post('/welcome', body);
    expect(asked.headers.get('Set-Cookie')).toBeNull();
    const ticket = /name="ticket" value="([^"]+)"/.exec(await asked.text())?.[1] as string;
    const totp = new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: fixture.now });
    const wrong = `${(Number(totp) + 1) % 1_000_000}`.padStart(6, '0');
    expect((await fixture.post('/sign-in/second-factor', { ticket, code: wrong })).status).toBe(401);
    const answer = await fixture.post('/sign-in/second-factor', { ticket, code: totp });
    expect(answer.status).toBe(303);
    expect((await fixture.get('/api/v1/me', { Cookie: cookieOf(answer) })).status).toBe(200);
  });

  it('whoever has the folder gets one for the only owner, or by name; reset opens a disabled account', async () => {
    const none = { name: null, reset: false };
    expect(await localLink(links(), none)).toContain('/first-run?code=');
    await fixture.account();
    expect(await localLink(links(), none)).toContain('/welcome?code=');
    const bob = await fixture.account('bob');
    await expect(localLink(links(), none)).rejects.toMatchObject({
      code: 'usage',
      message: 'there are several owners: ada, bob',
    });
    await expect(localLink(links(), { name: 'eve', reset: false })).rejects.toMatchObject({
      code: 'not-found',
    });
    const by = { actor: 'cli', source: '', now: fixture.now, userId: null };
    await fixture.store.accounts.changeUser(bob.id, { disabled: true }, by);
    await expect(localLink(links(), { name: 'bob', reset: false })).rejects.toMatchObject({
      code: 'permission-denied',
    });
    const code = codeOf(await localLink(links(), { name: 'Bob', reset: true }));
    expect(await (await fixture.get(`/welcome?code=${code}`)).text()).toContain('<strong>bob</strong>');
  });

  it('SEC-57: trying links is slowed down too', async () => {
    for (let i = 0; i < 10; i++) expect((await fixture.post('/welcome', { code: 'x' })).status).toBe(401);
    const answer = await fixture.post('/first-run', { code: 'x' });
    expect(answer.status).toBe(429);
    expect(answer.headers.get('Retry-After')).toBe('30');
    // A flood of them is one more row.
    for (let i = 0; i < 20; i++) await fixture.post('/first-run', { code: 'x' });
    expect(await fixture.audited('user.sign-in')).toHaveLength(11);
  });
});
