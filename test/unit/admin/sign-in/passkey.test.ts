import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdminFixture } from '../../../support/admin-app.ts';

let fixture: AdminFixture;
beforeEach(async () => {
  fixture = await AdminFixture.open();
  await fixture.account();
});
afterEach(() => fixture.close());

const LOCALHOST = { Host: 'localhost:8080', Origin: 'http://localhost:8080' };
const begin = async () =>
  (await (await fixture.ask('POST', '/sign-in/passkey/options', {}, LOCALHOST)).json()) as {
    ticket: string;
    options: { challenge: string; rpId: string; userVerification: string };
  };
const finish = (body: unknown) => fixture.ask('POST', '/sign-in/passkey', body, LOCALHOST);

describe('signing in with a passkey', () => {
  it('asks for whoever the authenticator verifies, by the host name of the page', async () => {
    const { options } = await begin();
    expect(options).toMatchObject({ rpId: 'localhost', userVerification: 'required' });
    expect((await begin()).options.challenge).not.toBe(options.challenge);
  });

  it('is told to use a name where the page was opened by an address', async () => {
    const answer = await fixture.ask('POST', '/sign-in/passkey/options', {}, {});
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ detail: expect.stringContaining('host name') });
  });

  it('takes nothing that is no answer to its question, and each question once', async () => {
    const { ticket } = await begin();
    const response = { id: 'c0ffee', rawId: 'c0ffee', type: 'public-key', response: {} };
    expect((await finish({ ticket, response })).status).toBe(401);
    expect(await (await finish({ ticket, response })).json()).toMatchObject({
      detail: expect.stringContaining('too long'),
    });
    for (const body of [
      null,
      [],
      7,
      {},
      { ticket: 7 },
      { ticket, response: null },
      { ticket, response: 'x' },
    ]) {
      expect([401, 429]).toContain((await finish(body)).status);
    }
    const rows = await fixture.audited('user.sign-in');
    expect(rows.every(({ result }) => result === 'refused')).toBe(true);
    expect(rows.length).toBeGreaterThan(5);
  });

  it('SEC-57: guesses are stopped after ten, and questions come at a bounded pace', async () => {
    for (let i = 0; i < 10; i++) expect((await finish({})).status).toBe(401);
    expect((await finish({})).status).toBe(429);
    const statuses: number[] = [];
    for (let i = 0; i < 25; i++) {
      statuses.push((await fixture.ask('POST', '/sign-in/passkey/options', {}, LOCALHOST)).status);
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(20);
    expect(statuses.at(-1)).toBe(429);
  });
});

it('a form that is none is refused, and nothing fails', async () => {
  for (const path of ['/sign-in', '/sign-in/second-factor', '/first-run', '/welcome']) {
    for (const type of [
      'multipart/form-data',
      'multipart/form-data; boundary=x',
      'application/json',
      'text/plain',
    ]) {
      const answer = await fixture.post(path, '{"name": \u0000', { 'Content-Type': type });
      expect([401, 422, 429], `${path} ${type}`).toContain(answer.status);
    }
  }
});
