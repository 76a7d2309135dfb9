import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KNOWN_FOR } from '../../../../coordinator/admin/accounts/known-browsers.ts';
import { FREE_FAILURES } from '../../../../coordinator/admin/accounts/throttle.ts';
import { AdminFixture, cookieOf, PASSPHRASE } from '../../../support/admin-app.ts';

let fixture: AdminFixture;
beforeEach(async () => {
  fixture = await AdminFixture.open();
  await fixture.account();
});
afterEach(() => fixture.close());

const attempt = (name: string, passphrase: string, Cookie = '') =>
  fixture.post('/sign-in', { name, passphrase }, { Cookie });
/** What a browser keeps of a sign-in after signing out. */
const known = (cookies: string) => /warren-known=[^;]+/.exec(cookies)?.[0] as string;

let strangers = 0;
/** Somebody who knows the name has it wait, each guess from another address. */
async function flood(name = 'ada'): Promise<void> {
  const own = fixture.address;
  for (let i = 0; i < FREE_FAILURES; i++) {
    fixture.address = `198.51.100.${strangers++ % 250}`;
    expect((await attempt(name, 'wrong')).status).toBe(401);
  }
  fixture.address = own;
}

describe('a browser in which somebody signed in before', () => {
  it('SEC-57: is let in by the passphrase, however many strangers fail at the name', async () => {
    const cookie = known(await fixture.signIn());
    await flood();
    expect((await attempt('ada', PASSPHRASE)).status).toBe(429);
    const answer = await attempt('ada', PASSPHRASE, cookie);
    expect(answer.status).toBe(303);
    expect(known(cookieOf(answer))).not.toBe(cookie);
    // What others failed at the name stays counted.
    expect((await attempt('ada', PASSPHRASE)).status).toBe(429);
    expect((await attempt(' ADA ', PASSPHRASE, cookie)).status).toBe(303);
  });

  it('SEC-57: has ten failures of its own, and has nobody else wait', async () => {
    const first = await fixture.signIn();
    const second = await fixture.signIn();
    for (let i = 0; i < FREE_FAILURES; i++) {
      fixture.address = `203.0.113.${i}`;
      expect((await attempt('ada', 'wrong', known(first))).status).toBe(401);
    }
    fixture.address = '203.0.113.100';
    const answer = await attempt('ada', PASSPHRASE, known(first));
    expect(answer.status).toBe(429);
    expect(answer.headers.get('Retry-After')).toBe('30');
    expect((await attempt('ada', PASSPHRASE, known(second))).status).toBe(303);
    expect((await attempt('ada', PASSPHRASE)).status).toBe(303);
  });

  it('SEC-57: waits with its address all the same', async () => {
    const cookie = known(await fixture.signIn());
    for (let i = 0; i < FREE_FAILURES; i++) await attempt(`user${i}`, 'wrong');
    expect((await attempt('ada', PASSPHRASE, cookie)).status).toBe(429);
  });

  it('SEC-57: shows that by a cookie which is good for one account, for a while, and not to be made', async () => {
    await fixture.account('bob');
    const ada = known(await fixture.signIn());
    const bob = known(await fixture.signIn('bob'));
    const [issued, nonce, mac] = ada.split('=')[1]!.split('.') as [string, string, string];
    const later = (Number.parseInt(issued, 36) + 1).toString(36);
    await flood();
    for (const cookie of [
      bob,
      `warren-known=${later}.${nonce}.${mac}`,
      `warren-known=${issued}.${'0'.repeat(32)}.${mac}`,
      `warren-known=${issued}.${nonce}.${mac.slice(0, -2)}`,
      `warren-known=${issued}.${nonce}.`,
      'warren-known=',
      'warren-known=..',
    ]) {
      expect((await attempt('ada', PASSPHRASE, cookie)).status, cookie).toBe(429);
    }
    fixture.now += KNOWN_FOR;
    await flood();
    expect((await attempt('ada', PASSPHRASE, ada)).status).toBe(429);
  });

  it('SEC-55: its cookie is HttpOnly and of an end, and opens nothing', async () => {
    const set = (await attempt('ada', PASSPHRASE)).headers.getSetCookie();
    const cookie = set.find((each) => each.startsWith('warren-known=')) as string;
    expect(cookie).toMatch(/; Max-Age=7776000; .*HttpOnly; SameSite=Lax/);
    expect(cookie).not.toContain('ada');
    expect((await fixture.get('/api/v1/me', { Cookie: known(cookie) })).status).toBe(401);
  });

  it.each([
    ['signing out everywhere', 'DELETE', '/sessions', undefined],
    ['a new passphrase', 'PUT', '/passphrase', { current: PASSPHRASE, passphrase: 'seven green kettles' }],
  ])('SEC-55: is a stranger after %s', async (_, method, path, body) => {
    const elsewhere = known(await fixture.signIn());
    const here = await fixture.signIn();
    const answer = await fixture.ask(method, `/api/v1/account${path}`, body, { Cookie: here });
    expect(answer.status).toBe(204);
    const passphrase = body?.passphrase ?? PASSPHRASE;
    await flood();
    for (const cookie of [elsewhere, known(here)]) {
      expect((await attempt('ada', passphrase, cookie)).status).toBe(429);
    }
    // Whoever set the new passphrase is known by it.
    if (body !== undefined) expect((await attempt('ada', passphrase, cookieOf(answer))).status).toBe(303);
  });

  it('SEC-57: tells nobody whether there is such an account', async () => {
    const cookie = known(await fixture.signIn());
    const answers = async (name: string) => {
      await flood(name);
      const answer = await attempt(name, 'wrong', cookie);
      return [answer.status, (await answer.text()).replaceAll(name, 'NAME')];
    };
    await fixture.account('bob');
    expect(await answers('nobody')).toEqual(await answers('bob'));
  });

  it('SEC-57: has a second factor that nobody else’s wrong codes make wait', async () => {
    const user = (await fixture.store.accounts.userNamed('ada'))!;
    const cookie = known(await fixture.signIn());
    await fixture.store.accounts.setTotp(
      user.id,
      { sealed: fixture.services.sealer.seal('A'.repeat(32), user.id), recoveryCodes: [] },
      { actor: 'cli', source: '', now: fixture.now, userId: null },
    );
    const code = async (Cookie = '') => {
      const page = await (await attempt('ada', PASSPHRASE, Cookie)).text();
      const ticket = /name="ticket" value="([^"]+)"/.exec(page)?.[1] as string;
      return (await fixture.post('/sign-in/second-factor', { ticket, code: '000000' }, { Cookie })).status;
    };
    for (let i = 0; i < FREE_FAILURES; i++) {
      fixture.address = `198.51.100.${i}`;
      expect(await code()).toBe(401);
    }
    fixture.address = '203.0.113.9';
    expect(await code()).toBe(429);
    expect(await code(cookie)).toBe(401);
  });
});
