import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keyFromBase64, keyToBase64 } from '../../../../shared/key.ts';
import { x25519PublicKey } from '../../../../shared/key-proof.ts';
import { ApiFixture } from '../../../support/admin-api.ts';
import { aReport, CLI, joinNode, NOW } from '../../../support/store.ts';

const KEY = Buffer.alloc(32, 8).toString('base64');
let api: ApiFixture;
let hub: string;
beforeEach(async () => {
  api = await ApiFixture.open();
  const node = await joinNode(api.store, { name: 'hub' });
  hub = node.id;
  await reaches(['192.0.2.1:51820']);
  await api.store.setOnline(hub, 'one', true, NOW);
});
afterEach(() => api.close());

const reaches = (reachableEndpoints: string[]) =>
  api.store.putReport(hub, aReport({ reachableEndpoints }), NOW);
const add = (changes: object = {}) => api.ask('POST', '/devices', { name: 'phone', ...changes });
const privateKeyIn = (file: string) => /^PrivateKey = (.*)$/m.exec(file)?.[1] as string;

describe('devices', () => {
  it('are added with a key pair whose private half is in the answer, once, and nowhere else', async () => {
    await api.store.accounts.createUser(
      { name: 'ada', displayName: '', role: 'auditor', passphraseHash: null },
      { ...CLI, now: NOW, userId: null },
    );
    const made = await add({ tags: ['phone'], owner: 'ada' });
    expect(made.status).toBe(201);
    expect(made.body.device).toMatchObject({
      name: 'phone',
      gateway: 'hub',
      peers: ['hub'],
      outOfDate: [],
      owner: 'ada',
      tags: ['phone'],
      state: 'member',
      keyExpiresAt: null,
    });
    const privateKey = privateKeyIn(made.body.file);
    const publicKey = keyToBase64(await x25519PublicKey(keyFromBase64(privateKey) as Uint8Array));
    expect(publicKey).toBe(made.body.device.publicKey);
    expect(made.body).toMatchObject({ hasKey: true, qr: expect.stringMatching(/^<svg /) });
    const { id } = made.body.device;
    for (const path of ['/devices', `/devices/${id}`, `/devices/${id}/config`, '/audit']) {
      const { text, status } = await api.ask('GET', path);
      expect(status).toBe(200);
      expect(text).not.toContain(privateKey);
    }
    expect((await api.ask('GET', '/devices')).body.items).toEqual([made.body.device]);
  });

  it('of somebody without an account are refused, in words at that field', async () => {
    const { status, body } = await add({ owner: 'grace' });
    expect(status).toBe(422);
    expect(body.errors).toEqual([
      {
        path: 'owner',
        message: expect.stringMatching(/^there is no account "grace"; an owner is an account's name/),
      },
    ]);
    expect((await api.ask('GET', '/devices')).body.items).toEqual([]);
    expect((await add({ owner: ' ' })).body.device.owner).toBeNull();
  });

  it('with a key of their own get a file without one, and no QR code', async () => {
    const { body } = await add({ publicKey: KEY });
    expect(body).toMatchObject({ hasKey: false, qr: null, device: { publicKey: KEY } });
    expect(keyFromBase64(privateKeyIn(body.file))).toBeNull();
  });

  it('say why their file is out of date, and get another one when they are given it, not when it is looked at', async () => {
    const { id } = (await add()).body.device;
    await reaches(['198.51.100.1:51820']);
    const why = ['hub is at 198.51.100.1:51820, not 192.0.2.1:51820'];
    for (let looks = 0; looks < 2; looks++) {
      const { body } = await api.ask('GET', `/devices/${id}/config`);
      expect(body).toMatchObject({ outOfDate: why, file: expect.stringContaining('198.51.100.1:51820') });
    }
    expect((await api.store.node(id))?.device?.file.peers[0]?.endpoint).toBe('192.0.2.1:51820');
    const given = await api.ask('POST', `/devices/${id}/config`, {});
    expect(given.body).toMatchObject({ hasKey: false, device: { outOfDate: [] } });
    expect((await api.store.node(id))?.device?.file.peers[0]?.endpoint).toBe('198.51.100.1:51820');
  });

  it('get another key, made here or their own', async () => {
    const { id, publicKey } = (await add()).body.device;
    const made = await api.ask('POST', `/devices/${id}/config`, { newKey: true });
    expect(made.body.hasKey).toBe(true);
    expect(made.body.device.publicKey).not.toBe(publicKey);
    const own = await api.ask('POST', `/devices/${id}/config`, { publicKey: KEY, asksForNames: false });
    expect(own.body).toMatchObject({ hasKey: false, device: { publicKey: KEY, asksForNames: false } });
    expect(own.body.file).not.toContain('DNS');
  });

  it('are changed, disabled and removed, and machines with an agent are none', async () => {
    const { id } = (await add()).body.device;
    const changed = await api.ask('PATCH', `/devices/${id}`, {
      name: 'tablet',
      tags: ['web'],
      disabled: true,
    });
    expect(changed.body).toMatchObject({ name: 'tablet', tags: ['web'], state: 'disabled' });
    for (const path of [`/devices/${hub}`, '/devices/none', `/devices/${hub}/config`]) {
      expect((await api.ask('GET', path)).status).toBe(404);
    }
    expect((await api.ask('DELETE', `/devices/${hub}`)).status).toBe(404);
    expect((await api.ask('PATCH', `/devices/${hub}`, { disabled: true })).status).toBe(404);
    expect((await api.ask('DELETE', `/devices/${id}`)).status).toBe(204);
    expect((await api.ask('GET', `/devices/${id}`)).status).toBe(404);
  });

  it('cannot be added while no agent can be dialled, and the answer says what to do', async () => {
    await reaches([]);
    const { status, text } = await add();
    expect(status).toBe(409);
    expect(text).toContain('--endpoint');
  });

  it.each([
    [{ name: 'My Phone' }, 'name'],
    [{ publicKey: 'AAAA' }, 'publicKey'],
    [{ tags: ['A B'] }, 'tags.0'],
    [{ owner: 'a\nb' }, 'owner'],
    [{ privateKey: KEY }, 'privateKey'],
  ])('refuse %j', async (body, path) => {
    const answer = await add(body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0].path).toBe(path);
  });

  it('refuse a name or key that another has', async () => {
    await add({ publicKey: KEY });
    expect((await add()).status).toBe(409);
    expect((await add({ name: 'other', publicKey: KEY })).status).toBe(409);
    expect(
      (await api.store.listAudit({ limit: 100 })).filter(({ action }) => action === 'device.add'),
    ).toHaveLength(1);
  });
});
