import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../../../coordinator/store/open.ts';
import { ApiFixture } from '../../../support/admin-api.ts';
import { joinNode } from '../../../support/store.ts';

const TYPE = { 'Content-Type': 'application/vnd.sqlite3' };

let api: ApiFixture;
beforeEach(async () => {
  api = await ApiFixture.open();
});
afterEach(() => api.close());

async function download(): Promise<Buffer> {
  const answer = await api.app.request('/api/v1/backups/download');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('Content-Disposition')).toMatch(/filename="warren-backup-.*\.db"/);
  return Buffer.from(await answer.arrayBuffer());
}

function restore(backup: Uint8Array, headers: Record<string, string> = TYPE): Promise<Response> {
  return Promise.resolve(
    api.app.request('/api/v1/backups/restore', { method: 'POST', body: Buffer.from(backup), headers }),
  );
}

const leftovers = () => readdirSync(api.folder).filter((name) => /^(backup|restore)-/.test(name));

describe('a backup', () => {
  it('is taken while the database is written to, and leaves no file behind', async () => {
    const joining = Promise.all(Array.from({ length: 10 }, (_, n) => joinNode(api.store, { name: `n${n}` })));
    const backup = await download();
    await joining;
    writeFileSync(join(api.folder, 'copy.db'), backup);
    const copy = new DatabaseSync(join(api.folder, 'copy.db'), { readOnly: true });
    expect(copy.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    copy.close();
    expect(leftovers()).toEqual([]);
    expect(await api.store.listAudit({ limit: 1, action: 'backup.create' })).toMatchObject([
      { actor: 'admin:ada', result: 'ok' },
    ]);
  });

  it('is gone back to at the next start, with another epoch and nobody connected', async () => {
    const before = await joinNode(api.store, { name: 'before' });
    await api.store.setOnline(before.id, 'host:8443', true, api.now);
    const backup = await download();
    const { epoch } = await api.store.network();
    await joinNode(api.store, { name: 'after' });
    const answer = await restore(backup);
    expect(answer.status).toBe(202);
    expect(api.restarts).toBe(1);
    expect((await api.store.listNodes()).length).toBe(2);

    await api.store.close();
    const store = await openStore({ dataDir: api.folder, initialise: {} });
    expect((await store.listNodes()).map(({ name, online }) => [name, online])).toEqual([['before', false]]);
    expect((await store.network()).epoch).not.toBe(epoch);
    expect(await store.listAudit({ limit: 1 })).toMatchObject([
      { action: 'backup.restore', actor: 'admin:ada', before: { epoch } },
    ]);
    await store.close();
    expect(existsSync(join(api.folder, 'warren.db.replaced'))).toBe(true);
    expect(leftovers()).toEqual([]);
  });

  it.each<[string, (backup: Buffer) => Uint8Array, number]>([
    ['nothing', () => new Uint8Array(), 422],
    ['text', () => Buffer.from('hello'), 422],
    ['the half of one', (backup) => backup.subarray(0, backup.length / 2), 422],
    ['a page that is damaged', (backup) => Buffer.from(backup).fill(0xff, 8192, 12288), 422],
    [
      'a database of another program',
      () => {
        const path = join(api.folder, 'other.db');
        const other = new DatabaseSync(path);
        other.exec('create table network (id integer)');
        other.close();
        return readFileSync(path);
      },
      422,
    ],
    [
      'a database of a newer Warren',
      (backup) => {
        const path = join(api.folder, 'newer.db');
        writeFileSync(path, backup);
        const newer = new DatabaseSync(path);
        newer.exec("insert into warren_migrations values ('9999-new', '2030-01-01')");
        newer.close();
        return readFileSync(path);
      },
      422,
    ],
    ...(
      [
        ['one with a trigger', 'create trigger t after insert on sessions begin delete from audit; end'],
        ['one with a view', 'create view v as select 1'],
        ['one without a table', 'drop table tokens'],
        ['one without an index', 'drop index INDEX'],
        ['one without a column', 'alter table users drop column display_name'],
      ] as const
    ).map(([name, statement]): [string, (backup: Buffer) => Uint8Array, number] => [
      name,
      (backup) => {
        const path = join(api.folder, 'spoilt.db');
        writeFileSync(path, backup);
        const spoilt = new DatabaseSync(path);
        const index = spoilt
          .prepare("select name from sqlite_schema where type = 'index' and sql is not null")
          .get();
        spoilt.exec(statement.replace('INDEX', `"${index?.name}"`));
        spoilt.close();
        return readFileSync(path);
      },
      422,
    ]),
  ])('that is %s is refused, and nothing is changed', async (_, spoil, status) => {
    const backup = spoil(await download());
    const answer = await restore(backup);
    expect(answer.status).toBe(status);
    expect(api.restarts).toBe(0);
    expect(existsSync(join(api.folder, 'warren.db.restore'))).toBe(false);
    expect(leftovers()).toEqual([]);
    expect(await api.store.listAudit({ limit: 1 })).toMatchObject([
      { action: 'backup.restore', result: 'refused' },
    ]);
  });

  it('of another content type is refused', async () => {
    expect((await restore(Buffer.from('{}'), { 'Content-Type': 'application/json' })).status).toBe(415);
  });

  it('of PostgreSQL is left to its own tools', async () => {
    await api.close();
    api = await ApiFixture.open({ backups: null });
    const answer = await api.ask('GET', '/backups/download');
    expect(answer.status).toBe(409);
    expect(answer.body.detail).toMatch(/pg_dump/);
  });
});
