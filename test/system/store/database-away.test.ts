import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStore } from '../../../coordinator/store/open.ts';
import type { Store } from '../../../coordinator/store/store.ts';
import { describePostgres, PostgresCluster } from '../../support/postgres.ts';
import { aCertificate, aReport, aRequest, aToken, CLI, joinNode, NOW } from '../../support/store.ts';
import { waitFor } from '../../support/wait-for.ts';

/** SEC-53 speaks of 30 s. */
const AWAY_MS = 30_000;

describePostgres('a coordinator whose PostgreSQL goes away', () => {
  let cluster: PostgresCluster;
  let store: Store;
  let other: Store;
  beforeAll(async () => {
    cluster = await PostgresCluster.create();
    const database = await cluster.createDatabase();
    store = await openStore({ dataDir: '/nonexistent', database, initialise: {} });
    other = await openStore({ dataDir: '/nonexistent', database });
  });
  afterAll(async () => {
    await store?.close();
    await other?.close();
    await cluster?.remove();
  });

  it('SEC-53: says unavailable for 30 s, never an empty map, and recovers by itself', async () => {
    const node = await joinNode(store);
    const secret = randomBytes(32);
    await store.createToken(aToken(secret), CLI);
    const before = await store.snapshot();
    const calls: [string, () => Promise<unknown>][] = [
      ['snapshot', () => store.snapshot()],
      ['listNodes', () => store.listNodes()],
      ['changesSince', () => store.changesSince(0)],
      ['nodeByCertificate', () => store.nodeByCertificate(new Uint8Array(32))],
      ['node', () => store.node(node.id)],
      ['join', () => store.join(aRequest(secret))],
      ['putReport', () => store.putReport(node.id, aReport(), NOW)],
      ['setOnline', () => store.setOnline(node.id, 'one', true, NOW)],
    ];
    await cluster.stop();
    const end = performance.now() + AWAY_MS;
    while (performance.now() < end) {
      for (const [name, call] of calls) {
        await expect(call(), name).rejects.toMatchObject({ code: 'unavailable', hint: expect.any(String) });
      }
      // The requirement is a stretch of real time; there is nothing to wait for in it.
      await delay(1_000);
    }
    let noticed = 0;
    other.onChange(() => noticed++);
    await cluster.start();
    // The listening connection comes back too, and says that something may have been missed.
    await waitFor('the other coordinator to look again', () => noticed > 0);
    expect(await store.snapshot()).toEqual(before);
    noticed = 0;
    expect((await store.join(aRequest(secret))).rejoined).toBe(false);
    await waitFor('the other coordinator to hear of the join', () => noticed > 0);
    expect(await other.listNodes()).toHaveLength(2);
  });

  it('SEC-53: one that goes away in the middle of a change undoes it, and ends nobody', async () => {
    const secret = randomBytes(32);
    await store.createToken(aToken(secret), CLI);
    const before = (await store.listNodes()).length;
    const issueCertificate = async () => {
      await cluster.stop();
      return aCertificate();
    };
    await expect(store.join(aRequest(secret, { issueCertificate }))).rejects.toMatchObject({
      code: 'unavailable',
    });
    await cluster.start();
    expect(await waitFor('the database', () => store.listNodes())).toHaveLength(before);
    expect((await store.join(aRequest(secret))).rejoined).toBe(false);
  });
});
