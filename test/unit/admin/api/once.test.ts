import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiFixture, OWNER } from '../../../support/admin-api.ts';

const KEY = { 'Idempotency-Key': '6c7d9f0e-9f59-4d1a-a8b5-0f2f4f6f8a11' };

let api: ApiFixture;
beforeEach(async () => {
  api = await ApiFixture.open();
});
afterEach(() => api.close());

const make = (body: object = {}, headers: Record<string, string> = KEY) =>
  api.ask('POST', '/tokens', body, headers);

describe('a request with an Idempotency-Key', () => {
  it('that is repeated makes one thing and gets the same answer', async () => {
    const first = await make();
    const again = await make();
    expect(first.status).toBe(201);
    expect(again.status).toBe(201);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('Idempotency-Replayed')).toBe('true');
    expect(await api.store.listTokens()).toHaveLength(1);
  });

  it('that is sent twenty times at once makes one thing', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => make()));
    expect(await api.store.listTokens()).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 201).length).toBeGreaterThan(0);
    expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
  });

  it('says that it was used for something else, and is another for somebody else and after a day', async () => {
    await make();
    expect((await make({ maxUses: 2 })).status).toBe(422);
    api.actor = { ...OWNER, actor: 'admin:eve' };
    expect((await make({ maxUses: 2 })).headers.has('Idempotency-Replayed')).toBe(false);
    api.actor = OWNER;
    api.now += 25 * 3_600_000;
    expect((await make({ maxUses: 3 })).status).toBe(201);
    expect(await api.store.listTokens()).toHaveLength(3);
  });

  it('that was refused can be sent again, mended', async () => {
    expect((await make({ maxUses: 0 })).status).toBe(422);
    expect((await make({ maxUses: 1 })).status).toBe(201);
  });

  it.each(['short', `${'x'.repeat(20)} y`, 'x'.repeat(300)])('%j is no key', async (key) => {
    expect((await make({}, { 'Idempotency-Key': key })).status).toBe(400);
  });

  it('SEC-3: leaves neither the key nor the token in the database', async () => {
    const { body } = await make();
    await api.store.close();
    const dump = readFileSync(join(api.folder, 'warren.db')).toString('latin1');
    expect(dump).not.toContain(body.token);
    expect(dump).not.toContain(KEY['Idempotency-Key']);
  });
});
