import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret, TOTP } from 'otpauth';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Sealer } from '../../../../coordinator/admin/accounts/sealer.ts';
import { unreadableSecondFactors } from '../../../../coordinator/admin/accounts/unreadable-factors.ts';
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
  const answer = await fixture.ask(method, `/api/v1/account${path}`, body, { Cookie });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
}

const codeOf = (secret: string) =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: fixture.now });

/** Sets a second factor up. */
async function enrol(): Promise<{ secret: string; recoveryCodes: string[] }> {
  const { secret } = (await ask('POST', '/totp/secret', {})).body;
  const answer = await ask('PUT', '/totp', { secret, code: codeOf(secret) });
  expect(answer.status).toBe(200);
  return { secret, recoveryCodes: answer.body.recoveryCodes };
}

/** The ticket for a second factor, after a right passphrase. */
async function ticket(): Promise<string> {
  const page = await (await fixture.post('/sign-in', { name: 'ada', passphrase: PASSPHRASE })).text();
  return /name="ticket" value="([^"]+)"/.exec(page)?.[1] as string;
}

const second = (secret: string, code: string) =>
  fixture.post('/sign-in/second-factor', { ticket: secret, code, return: '/policy' });

describe('one’s own passphrase', () => {
  it('is changed by whoever knows it, to one that is hard to guess; other sessions end', async () => {
    const other = await fixture.signIn();
    const wrong = await ask('PUT', '/passphrase', { current: 'nope', passphrase: 'seven green kettles' });
    expect(wrong.status).toBe(422);
    expect(wrong.body.errors).toMatchObject([{ path: 'current' }]);
    const weak = await ask('PUT', '/passphrase', { current: PASSPHRASE, passphrase: 'password1234' });
    expect(weak.body.errors).toMatchObject([{ path: 'passphrase' }]);
    const good = { current: PASSPHRASE, passphrase: 'seven green kettles' };
    expect((await ask('PUT', '/passphrase', good)).status).toBe(204);
    expect((await ask('GET', '/sessions')).status).toBe(200);
    expect((await ask('GET', '/sessions', undefined, other)).status).toBe(401);
    expect((await fixture.post('/sign-in', { name: 'ada', passphrase: PASSPHRASE })).status).toBe(401);
  });

  it('SEC-57: is guessed no faster from within', async () => {
    const guess = () => ask('PUT', '/passphrase', { current: 'nope', passphrase: 'seven green kettles' });
    for (let i = 0; i < 10; i++) expect((await guess()).status).toBe(422);
    const answer = await guess();
    expect(answer.status).toBe(429);
    expect(answer.headers.get('Retry-After')).toBe('30');
    expect(answer.headers.get('Content-Type')).toBe('application/problem+json');
  });
});

describe('a second factor', () => {
  it('is asked for after the passphrase, and each code is good once', async () => {
    const { secret } = await enrol();
    const first = await ticket();
    // The code that set it up is used.
    expect((await second(first, codeOf(secret))).status).toBe(401);
    fixture.now += 60_000;
    expect((await second(first, '000000')).status).toBe(401);
    const answer = await second(first, codeOf(secret));
    expect(answer.status).toBe(303);
    expect(answer.headers.get('Location')).toBe('/policy');
    expect((await ask('GET', '/sessions', undefined, cookieOf(answer))).body.items[0]).toMatchObject({
      method: 'passphrase and TOTP',
      current: true,
    });
    expect((await second(first, codeOf(secret))).status).toBe(401);
    expect((await second(await ticket(), codeOf(secret))).status).toBe(401);
  });

  it('lets a recovery code in its place, once, however it is typed', async () => {
    const { recoveryCodes } = await enrol();
    expect(recoveryCodes).toHaveLength(10);
    const code = recoveryCodes[3]!.toUpperCase().replaceAll('-', ' ');
    expect((await second(await ticket(), code)).status).toBe(303);
    expect((await second(await ticket(), code)).status).toBe(401);
  });

  it('SEC-57: guessing codes is stopped, and does not lock the passphrase', async () => {
    await enrol();
    const one = await ticket();
    for (let i = 0; i < 10; i++) {
      fixture.address = `198.51.100.${i}`;
      expect((await second(one, '000000')).status).toBe(401);
    }
    fixture.address = '203.0.113.5';
    expect((await second(one, '000000')).status).toBe(429);
    expect(await ticket()).toBeTruthy();
  });

  it('that another key sealed is known at the start, and recovery codes let in all the same', async () => {
    const { secret, recoveryCodes } = await enrol();
    const { store, services } = fixture;
    expect(await unreadableSecondFactors(store, services.sealer)).toEqual([]);
    const strange = new Sealer(new Uint8Array(32).fill(9));
    expect(await unreadableSecondFactors(store, strange)).toEqual(['ada']);
    services.sealer.open = strange.open.bind(strange);
    fixture.now += 60_000;
    const one = await ticket();
    expect((await second(one, codeOf(secret))).status).toBe(401);
    expect((await second(one, recoveryCodes[0]!)).status).toBe(303);
  });

  it('is taken away again', async () => {
    await enrol();
    expect((await ask('POST', '/totp/remove')).status).toBe(204);
    expect(await fixture.signIn()).toBeTruthy();
  });

  it('needs a code that the app shows', async () => {
    const { secret, qr } = (await ask('POST', '/totp/secret', {})).body;
    expect(qr.path).toMatch(/^M\d+ \d+h1v1h-1z/);
    const bad = await ask('PUT', '/totp', { secret, code: '000000' });
    expect(bad.body.errors).toMatchObject([{ path: 'code' }]);
    expect(await fixture.signIn()).toBeTruthy();
  });
});

describe('sessions', () => {
  it('are listed with where and when, and end one by one or everywhere', async () => {
    fixture.address = '198.51.100.9';
    const other = await fixture.signIn();
    const { items } = (await ask('GET', '/sessions')).body;
    expect(items.map((item: { address: string }) => item.address).sort()).toEqual([
      '192.0.2.7',
      '198.51.100.9',
    ]);
    const [theOther] = items.filter((item: { current: boolean }) => !item.current);
    expect((await ask('DELETE', `/sessions/${theOther.id}`)).status).toBe(204);
    expect((await ask('GET', '/sessions', undefined, other)).status).toBe(401);
    const third = await fixture.signIn();
    expect((await ask('DELETE', '/sessions?others=true')).status).toBe(204);
    expect((await ask('GET', '/sessions', undefined, third)).status).toBe(401);
    expect((await ask('DELETE', '/sessions')).status).toBe(204);
    expect((await ask('GET', '/sessions')).status).toBe(401);
  });
});

it('SEC-3: the database holds nothing with which somebody could sign in', async () => {
  const { secret, recoveryCodes } = await enrol();
  const made = await fixture.ask(
    'POST',
    '/api/v1/api-keys',
    { name: 'k', scopes: ['*'] },
    { Cookie: cookie },
  );
  const { secret: apiKey } = (await made.json()) as { secret: string };
  const invited = await fixture.ask('POST', '/api/v1/users', { name: 'bob' }, { Cookie: cookie });
  const { link } = (await invited.json()) as { link: string };
  const half = await ticket();
  await fixture.store.close();
  const dump = readFileSync(join(fixture.folder, 'warren.db'));
  const secrets = {
    passphrase: PASSPHRASE,
    session: /warren-session=([\w-]+)/.exec(cookie)![1]!,
    confirmation: /warren-confirmed=([\w-]+)/.exec(cookie)![1]!,
    apiKey: apiKey.replace('warren_key_', ''),
    link: new URL(link).searchParams.get('code')!,
    ticket: half,
    totp: secret,
  };
  for (const [name, text] of Object.entries({ ...secrets, ...Object.fromEntries(recoveryCodes.entries()) })) {
    const bytes = name === 'totp' ? Secret.fromBase32(text).bytes : Buffer.from(text, 'base64url');
    for (const spelling of [Buffer.from(text), Buffer.from(bytes), Buffer.from(text.replaceAll('-', ''))]) {
      expect(dump.includes(spelling), name).toBe(false);
    }
  }
  expect(dump.includes('$argon2id$v=19$')).toBe(true);
});
