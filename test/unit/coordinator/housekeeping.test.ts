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
