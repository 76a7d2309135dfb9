import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStore } from '../../../coordinator/store/open.ts';
import { describePostgres, PostgresCluster } from '../../support/postgres.ts';
import { storeConformance } from '../../support/store-conformance.ts';

describePostgres('the store on PostgreSQL', () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await PostgresCluster.create();
  });
  // A hundred databases, of some hundred files each.
  afterAll(() => cluster?.remove(), 300_000);

  const open = (database: string, initialise?: { prefix4?: string }) =>
    openStore({ dataDir: '/nonexistent', database, ...(initialise && { initialise }) });

  storeConformance(async () => {
    const database = await cluster.createDatabase();
    return {
      open: (initialise = {}) => open(database, initialise),
      dump: async () => Buffer.from(await cluster.dump(database)),
      remove: async () => {},
    };
  });

  it('a database of another program is refused and left as it is', async () => {
    const database = await cluster.createDatabase();
    const client = new pg.Client(database);
    await client.connect();
    await client.query('create table customers (name text)');
    await expect(open(database, {})).rejects.toMatchObject({ code: 'corrupt' });
    const { rows } = await client.query(`select tablename from pg_tables where schemaname = 'public'`);
    await client.end();
    expect(rows).toEqual([{ tablename: 'customers' }]);
  });

  it('a database of a newer Warren is refused', async () => {
    const database = await cluster.createDatabase();
    await (await open(database, {})).close();
    const client = new pg.Client(database);
    await client.connect();
    await client.query(`insert into warren_migrations values ('9999-later', '')`);
    await client.end();
    await expect(open(database, {})).rejects.toMatchObject({ code: 'incompatible' });
  });

  it('a database without a network is not-found to a verb that makes none', async () => {
    await expect(open(await cluster.createDatabase())).rejects.toMatchObject({ code: 'not-found' });
  });

  it('several coordinators that start at once on an empty database share one network', async () => {
    const database = await cluster.createDatabase();
    const stores = await Promise.all(Array.from({ length: 4 }, () => open(database, {})));
    const networks = await Promise.all(stores.map((store) => store.network()));
    for (const store of stores) await store.close();
    expect(new Set(networks.map((network) => network.epoch)).size).toBe(1);
  });

  it('a URL that is none, a server that is not there and a database that is not: one line each, without the password', async () => {
    const there = new URL(await cluster.createDatabase());
    there.pathname = '/missing';
    await expect(open('mysql://x', {})).rejects.toMatchObject({ code: 'usage' });
    for (const url of ['postgres://u:geheim@127.0.0.1:1/x', there.href.replace('@', ':geheim@')]) {
      const error = await open(url, {}).catch((caught) => caught);
      expect(error).toMatchObject({ code: 'unavailable', hint: expect.any(String) });
      expect(`${error.message}${error.hint}`).not.toMatch(/geheim|\n/);
    }
  });
});
