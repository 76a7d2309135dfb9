import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../../coordinator/store/open.ts';

describe('the file of the store', () => {
  let dataDir: string;
  let file: string;
  beforeEach(() => {
    dataDir = join(mkdtempSync(join(tmpdir(), 'warren-store-')), 'data');
    file = join(dataDir, 'warren.db');
  });
  afterEach(() => rmSync(join(dataDir, '..'), { recursive: true, force: true }));

  const make = async () => (await openStore({ dataDir, initialise: {} })).close();
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

  it('SEC-61: file, journal and folder are private, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const store = await openStore({ dataDir, initialise: {} });
      expect(mode(dataDir)).toBe('700');
      for (const name of readdirSync(dataDir)) expect(mode(join(dataDir, name))).toBe('600');
      expect(readdirSync(dataDir)).toContain('warren.db-wal');
      await store.close();
    } finally {
      process.umask(before);
    }
  });

  it('SEC-61: a folder or a file open to others is refused', async () => {
    await make();
    chmodSync(dataDir, 0o755);
    await expect(make()).rejects.toMatchObject({ code: 'permission-denied', hint: `chmod 700 ${dataDir}` });
    chmodSync(dataDir, 0o700);
    chmodSync(file, 0o640);
    await expect(make()).rejects.toMatchObject({ code: 'permission-denied', hint: `chmod 600 ${file}` });
  });

  it('an empty folder made by hand becomes private', async () => {
    mkdirSync(dataDir, { mode: 0o755 });
    await make();
    expect(mode(dataDir)).toBe('700');
  });

  it('leaves nothing beside the database when it is closed', async () => {
    await make();
    expect(readdirSync(dataDir)).toEqual(['warren.db']);
  });

  const foreign = () => {
    const database = new DatabaseSync(file);
    database.exec('create table customers (name text)');
    database.close();
  };
  it.each<[string, () => void | Promise<void>, string]>([
    [
      'garbage',
      () => writeFileSync(file, 'not a database at all, but long enough to be read as a header'.repeat(9)),
      'corrupt',
    ],
    ['an empty file', () => writeFileSync(file, ''), 'corrupt'],
    ['the database of another program', foreign, 'corrupt'],
    [
      'a file cut short',
      async () => {
        await make();
        writeFileSync(file, readFileSync(file).subarray(0, 5000));
      },
      'corrupt',
    ],
    [
      'the database of a newer Warren',
      async () => {
        await make();
        const database = new DatabaseSync(file);
        database.exec("insert into warren_migrations values ('9999-later', '')");
        database.close();
      },
      'incompatible',
    ],
  ])('%s is refused in one line and left as it is', async (_, prepare, code) => {
    mkdirSync(dataDir, { mode: 0o700 });
    await prepare();
    if (existsSync(file)) chmodSync(file, 0o600);
    const before = readFileSync(file);
    const error = await openStore({ dataDir, initialise: {} }).catch((caught) => caught);
    expect(error).toMatchObject({ code, hint: expect.any(String) });
    expect(error.message).not.toContain('\n');
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it('a folder without a network is not-found to a verb that makes none, and stays as it is', async () => {
    await expect(openStore({ dataDir })).rejects.toMatchObject({ code: 'not-found' });
    expect(existsSync(dataDir)).toBe(false);
  });

  it('several processes that start at once on an empty folder share one network', async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => openStore({ dataDir, initialise: {} })));
    const networks = await Promise.all(stores.map((store) => store.network()));
    for (const store of stores) await store.close();
    expect(new Set(networks.map((network) => network.epoch)).size).toBe(1);
  });

  it('a change waits for another process’s transaction, and says busy when that lasts', async () => {
    await make();
    const store = await openStore({ dataDir });
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    const write = store.putSecretOnce('a', Uint8Array.of(1));
    // Readers are not held up.
    expect((await store.network()).version).toBe(1);
    await expect(write).rejects.toMatchObject({ code: 'unavailable' });
    const patient = store.putSecretOnce('b', Uint8Array.of(2));
    await store.network();
    other.exec('COMMIT');
    expect(await patient).toEqual(Uint8Array.of(2));
    other.close();
    await store.close();
  });

  it.each([
    '10.0.0.0',
    '10.0.0.1/24',
    '10.0.0.0/30',
    '10.0.0.0/7',
    '127.0.0.0/8',
    '224.0.0.0/8',
    'fd00::/48',
    'x/8',
  ])('a range of %s is refused before anything is made', async (prefix4) => {
    await expect(openStore({ dataDir, initialise: { prefix4 } })).rejects.toMatchObject({ code: 'usage' });
    expect(existsSync(dataDir)).toBe(false);
  });
});
