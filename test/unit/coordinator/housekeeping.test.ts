import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EPHEMERAL_LIFETIME, Housekeeping } from '../../../coordinator/housekeeping.ts';
import { openStore } from '../../../coordinator/store/open.ts';
import type { Store } from '../../../coordinator/store/store.ts';
import { createLogger } from '../../../shared/log.ts';
import { aRequest, aToken, CLI, NOW } from '../../support/store.ts';

describe('housekeeping', () => {
  let folder: string;
  let store: Store;
  let wall = NOW;
  let housekeeping: Housekeeping;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'warren-housekeeping-'));
    store = await openStore({ dataDir: join(folder, 'data'), initialise: {} });
    wall = NOW;
    const clock = { wall: () => wall, monotonic: () => wall };
    housekeeping = new Housekeeping(store, clock, createLogger('silent', 'test'));
  });

  afterEach(async () => {
    housekeeping.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function joined(name: string, ephemeral: boolean): Promise<string> {
    const secret = randomBytes(32);
    await store.createToken(aToken(secret, { ephemeral }), CLI);
    return (await store.join(aRequest(secret, { name }))).node.id;
  }

  const names = async () => (await store.listNodes()).map(({ name }) => name).sort();

  it('removes ephemeral nodes that have been away for minutes, and no others', async () => {
    await joined('lasting', false);
    await joined('gone', true);
    await store.setOnline(await joined('online', true), 'here', true, wall);
    wall += EPHEMERAL_LIFETIME - 1;
    await housekeeping.run();
    expect(await names()).toEqual(['gone', 'lasting', 'online']);
    wall += 1;
    await housekeeping.run();
    expect(await names()).toEqual(['lasting', 'online']);
    const [row] = await store.listAudit({ limit: 1 });
    expect(row).toMatchObject({ action: 'node.remove', actor: 'system', source: 'ephemeral node was away' });
  });

  it('is done once by several coordinators of one database', async () => {
    await joined('gone', true);
    await joined('gone too', true);
    wall += EPHEMERAL_LIFETIME;
    const clock = { wall: () => wall, monotonic: () => wall };
    const others = [1, 2].map(() => new Housekeeping(store, clock, createLogger('silent', 'test')));
    await Promise.all([housekeeping, ...others].map((each) => each.run()));
    for (const other of others) other.close();
    expect(await names()).toEqual([]);
    const rows = await store.listAudit({ limit: 20 });
    expect(rows.filter(({ action }) => action === 'node.remove')).toHaveLength(2);
    expect(rows.filter(({ action }) => action === 'history.prune')).toHaveLength(1);
  });

  it('leaves a node that came back since it was looked at', async () => {
    const id = await joined('job', true);
    wall += EPHEMERAL_LIFETIME;
    await store.setOnline(id, 'here', true, wall);
    expect(await store.removeIfAway(id, wall, wall, CLI)).toBe(false);
    await store.setOnline(id, 'here', false, wall);
    expect(await store.removeIfAway(id, wall - 1, wall, CLI)).toBe(false);
    expect(await store.removeIfAway(id, wall, wall, CLI)).toBe(true);
    expect(await store.removeIfAway(id, wall, wall, CLI)).toBe(false);
  });

  it('counts from when a node was last there', async () => {
    const id = await joined('job', true);
    await store.setOnline(id, 'here', true, wall);
    wall += EPHEMERAL_LIFETIME;
    await store.setOnline(id, 'here', false, wall);
    wall += EPHEMERAL_LIFETIME - 1;
    await housekeeping.run();
    expect(await names()).toEqual(['job']);
    wall += 1;
    await housekeeping.run();
    expect(await names()).toEqual([]);
  });
});
