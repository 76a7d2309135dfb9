/** What every engine of the store must do with plain WireGuard devices. */
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import type { NewDevice } from '../../coordinator/store/contract/devices.ts';
import type { NodeRecord } from '../../coordinator/store/contract/nodes.ts';
import type { Store } from '../../coordinator/store/store.ts';
import { aReport, aRequest, aToken, CLI, joinNode, NOW } from './store.ts';

const key = () => randomBytes(32).toString('base64');

function aDevice(changes: Partial<NewDevice> = {}): NewDevice {
  return {
    name: 'phone',
    publicKey: key(),
    tags: [],
    owner: '',
    keyExpiresAt: 0,
    wantsNames: true,
    ...changes,
  };
}

export function devicesConformance(current: () => Store): void {
  /** An agent that a device can dial at 192.0.2.N. */
  async function dialled(n: number): Promise<NodeRecord> {
    const store = current();
    const node = await joinNode(store, { now: NOW + n });
    const endpoints = [`192.0.2.${n}:51820`];
    await store.putReport(node.id, aReport({ endpoints, reachableEndpoints: endpoints }), NOW);
    await store.setOnline(node.id, 'one', true, NOW);
    return (await store.node(node.id)) as NodeRecord;
  }
  const audited = async (action: string) =>
    (await current().listAudit({ limit: 1000 })).filter((row) => row.action === action);

  const account = (name: string) =>
    current().accounts.createUser(
      { name, displayName: '', role: 'auditor', passphraseHash: null },
      { ...CLI, now: NOW, userId: null },
    );

  it('a device gets addresses and a file with the agents that it can dial, in one step with its audit row', async () => {
    const store = current();
    const [hub, other] = [await dialled(1), await dialled(2)];
    await account('ada');
    const { version } = await store.network();
    const phone = await store.addDevice(aDevice({ tags: ['tag:phone'], owner: ' Ada' }), NOW, CLI);
    expect(phone).toMatchObject({ name: 'phone', tags: ['phone'], owner: 'ada', online: false });
    expect(phone.device?.file.peers.map(({ nodeId }) => nodeId)).toEqual([hub.id, other.id]);
    expect(phone.device?.file.peers[0]).toMatchObject({
      publicKey: hub.publicKey,
      endpoint: '192.0.2.1:51820',
    });
    expect(await store.findNode('phone')).toEqual(phone);
    expect((await store.changesSince(version)).changed).toEqual([phone]);
    expect(await audited('device.add')).toMatchObject([
      { ...CLI, target: `phone (${phone.id})`, result: 'ok' },
    ]);
  });

  it('without an agent that can be dialled there is no device, and nothing is left of it', async () => {
    const store = current();
    await joinNode(store);
    const before = await store.snapshot();
    await expect(store.addDevice(aDevice(), NOW, CLI)).rejects.toMatchObject({ code: 'conflict' });
    expect(await store.snapshot()).toEqual(before);
  });

  it.each<[string, Partial<NewDevice>, string]>([
    ['a name that is none', { name: 'My Phone' }, 'usage'],
    ['a tag that is none', { tags: ['A B'] }, 'usage'],
    ['a key that is none', { publicKey: 'AAAA' }, 'usage'],
    ['an owner who has no account', { owner: 'nobody@example.com' }, 'not-found'],
    ['the key of zeros', { publicKey: Buffer.alloc(32).toString('base64') }, 'usage'],
  ])('%s is refused', async (_what, changes, code) => {
    await dialled(1);
    await expect(current().addDevice(aDevice(changes), NOW, CLI)).rejects.toMatchObject({ code });
  });

  it('a name or key that another has is refused, and an agent does not join with the key of a device', async () => {
    const store = current();
    const hub = await dialled(1);
    const phone = await store.addDevice(aDevice(), NOW, CLI);
    for (const taken of [
      { name: hub.name },
      { publicKey: hub.publicKey },
      { name: 'other', publicKey: phone.publicKey },
    ]) {
      await expect(store.addDevice(aDevice(taken), NOW, CLI)).rejects.toMatchObject({
        code: 'already-exists',
      });
    }
    const secret = randomBytes(32);
    const { id } = await store.createToken(aToken(secret), CLI);
    await expect(store.join(aRequest(secret, { publicKey: phone.publicKey }))).rejects.toMatchObject({
      code: 'already-exists',
    });
    expect((await store.listTokens()).find((token) => token.id === id)?.uses).toBe(0);
  });

  it('a file handed out again is the same for as long as nothing asks for another, and then others hear of it', async () => {
    const store = current();
    const [hub, other] = [await dialled(1), await dialled(2)];
    const phone = await store.addDevice(aDevice(), NOW, CLI);
    const { version } = await store.network();
    expect((await store.handOutDevice(phone.id, {}, NOW + 1, CLI)).device).toEqual({
      ...phone.device,
      handedOutAt: NOW + 1,
    });
    expect((await store.network()).version).toBe(version);
    await store.setOnline(hub.id, 'one', false, NOW);
    const next = await store.handOutDevice(phone.id, { wantsNames: false }, NOW + 2, CLI);
    expect(next.device?.file.peers[0]?.nodeId).toBe(other.id);
    expect(next.device?.file.resolvers).toEqual([]);
    expect((await store.changesSince(version)).changed.map(({ id }) => id)).toContain(phone.id);
    expect((await audited('device.config')).map(({ detail }) => detail)).toEqual([
      expect.stringContaining('another file'),
      expect.stringContaining('the same file'),
    ]);
  });

  it('the gateway can be chosen, among those that can be dialled', async () => {
    const store = current();
    const [, other] = [await dialled(1), await dialled(2)];
    const inside = await joinNode(store);
    await expect(store.addDevice(aDevice({ gateway: inside.id }), NOW, CLI)).rejects.toMatchObject({
      code: 'conflict',
    });
    const phone = await store.addDevice(aDevice({ gateway: other.id }), NOW, CLI);
    const gatewayOf = ({ device }: NodeRecord) => device?.file.peers[0]?.nodeId;
    expect(gatewayOf(phone)).toBe(other.id);
    expect(gatewayOf(await store.handOutDevice(phone.id, {}, NOW, CLI))).toBe(other.id);
    const any = await store.handOutDevice(phone.id, { gateway: null }, NOW, CLI);
    expect(any.device?.preferred).toBeUndefined();
  });

  it('another key takes the place of the first', async () => {
    const store = current();
    const hub = await dialled(1);
    const phone = await store.addDevice(aDevice(), NOW, CLI);
    const publicKey = key();
    expect(await store.handOutDevice(phone.id, { publicKey }, NOW, CLI)).toMatchObject({ publicKey });
    expect(await store.node(phone.id)).toMatchObject({ publicKey, address4: phone.address4 });
    await expect(store.handOutDevice(phone.id, { publicKey: hub.publicKey }, NOW, CLI)).rejects.toMatchObject(
      {
        code: 'already-exists',
      },
    );
    await expect(store.handOutDevice(hub.id, {}, NOW, CLI)).rejects.toMatchObject({ code: 'usage' });
    expect(await audited('device.rekey')).toHaveLength(1);
  });

  it('what an agent says of where it can be dialled is kept within bounds', async () => {
    const store = current();
    const node = await joinNode(store);
    const reachableEndpoints = ['127.0.0.1:1', '192.0.2.9:51820', '100.64.0.9:1', 'x'];
    await store.putReport(node.id, aReport({ reachableEndpoints, acceptsRoutes: true }), NOW);
    expect(await store.node(node.id)).toMatchObject({
      reachableEndpoints: ['192.0.2.9:51820'],
      acceptsRoutes: true,
    });
  });
}
