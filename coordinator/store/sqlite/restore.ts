import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { WarrenError } from '../../../shared/errors.ts';
import type { Random } from '../../../shared/random.ts';
import { insertAudit } from '../audit.ts';
import type { AuditActor } from '../contract/audit.ts';
import type { Engine } from '../engine.ts';
import { sql } from '../kysely.ts';
import { migrate } from '../migrations/migrate.ts';
import { openSqliteEngine } from './engine.ts';
import { APPLICATION_ID } from './file.ts';

/** A database that takes the place of warren.db at the next start; whoever gives it this name has checked it. */
const PREPARED = 'warren.db.restore';
/** What was there before, in case the restored one is not what was meant. */
const REPLACED = 'warren.db.replaced';
const BESIDE = ['-wal', '-shm', '-journal'];

/**
 * Checks a copy of a backup inside the data folder, brings it up to date, and sets it aside to be the coordinator's database from
 * its next start on. The file is taken over, or removed when it is refused: `corrupt` for what is not a whole database of ours,
 * `incompatible` for one of a newer Warren.
 */
export async function prepareRestore(
  file: string,
  by: AuditActor,
  { random, now }: { random: Random; now: number },
): Promise<void> {
  try {
    checkBackup(file);
    const engine = openSqliteEngine(file);
    try {
      await migrateBackup(engine);
      await makeAnew(engine, by, random, now);
    } catch (error) {
      throw error instanceof WarrenError ? error : engine.explain(error);
    } finally {
      await engine.close();
    }
    syncFile(file);
    renameSync(file, join(dirname(file), PREPARED));
    syncFile(dirname(file));
  } finally {
    for (const suffix of ['', ...BESIDE]) rmSync(file + suffix, { force: true });
  }
}

/** Puts a prepared database in its place; to be called while nobody has the one there open. A crash in between is made good by calling it again. */
export function applyRestore(dataFolder: string): boolean {
  const [prepared, current, replaced] = [PREPARED, 'warren.db', REPLACED].map((name) =>
    join(dataFolder, name),
  ) as [string, string, string];
  if (!existsSync(prepared)) return false;
  if (existsSync(current)) {
    for (const suffix of BESIDE) rmSync(replaced + suffix, { force: true });
    // The log first: a database without its log is only older, a log without its database would spoil the next one.
    for (const suffix of BESIDE) {
      if (existsSync(current + suffix)) renameSync(current + suffix, replaced + suffix);
    }
    renameSync(current, replaced);
  }
  renameSync(prepared, current);
  syncFile(dataFolder);
  return true;
}

function refuse(why: string, cause?: unknown): WarrenError {
  return new WarrenError('corrupt', `the backup ${why}; nothing was changed`, {
    hint: 'give a file that `coordinator backup create` or the admin page made',
    cause,
  });
}

/** Reads all of it and writes nothing. */
function checkBackup(file: string): void {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { readOnly: true });
    const id = database.prepare('PRAGMA application_id').get()?.application_id;
    if (id !== APPLICATION_ID) throw refuse('is not a database of Warren');
    // Before anything is read from it or written to it: these would do something else then than what was asked.
    const foreign = database.prepare(
      "select count(*) as found from sqlite_schema where type not in ('table', 'index') or rootpage = 0 or sql like 'create%virtual%'",
    );
    if (foreign.get()?.found !== 0)
      throw refuse('holds triggers, views or virtual tables, which Warren never makes');
    const [verdict] = database.prepare('PRAGMA integrity_check(1)').all();
    if (verdict?.integrity_check !== 'ok') throw refuse('is damaged');
    if (database.prepare('PRAGMA foreign_key_check').all().length > 0) throw refuse('is damaged');
    const networks = database.prepare('select count(*) as networks from network').get();
    if (networks?.networks !== 1) throw refuse('holds no network');
  } catch (error) {
    throw error instanceof WarrenError ? error : refuse('is damaged or not a database', error);
  } finally {
    database?.close();
  }
}

/** Brings a backup up to date. Throws `corrupt` unless it has every table, column and index of a new database then. */
async function migrateBackup(engine: Engine): Promise<void> {
  const fresh = openSqliteEngine(':memory:');
  try {
    await migrate(fresh);
    await migrate(engine).catch((error: unknown) => {
      const why = engine.explain(error);
      throw why instanceof WarrenError && why.code !== 'internal'
        ? why
        : refuse('cannot be brought up to date', why);
    });
    const found = new Set(await shapeOf(engine));
    const missing = (await shapeOf(fresh)).find((part) => !found.has(part));
    if (missing !== undefined) throw refuse(`lacks a part of the database: ${missing}`);
  } finally {
    await fresh.close();
  }
}

/** A line for each column and each index of all tables. */
async function shapeOf(engine: Engine): Promise<string[]> {
  const { rows } = await sql<{ part: string }>`
    select t.name || '.' || c.name || ' ' || c.type || iif(c."notnull", ' not null', '') || iif(c.pk, ' key ' || c.pk, '')
      || iif(c.hidden, ' generated', '') as part
      from sqlite_schema t, pragma_table_xinfo(t.name) c where t.type = 'table'
    union all
    select t.name || iif(i."unique", ' unique', '') || ' index on ' || group_concat(coalesce(c.name, ''), ', ') as part
      from sqlite_schema t, pragma_index_list(t.name) i, pragma_index_info(i.name) c where t.type = 'table'
      group by t.name, i.name`.execute(engine.writer);
  return rows.map(({ part }) => part);
}

/** Agents have to hear of it as of another history, nobody is connected to it, and who was signed in then is no longer. */
async function makeAnew(engine: Engine, by: AuditActor, random: Random, now: number): Promise<void> {
  const epoch = new Uint8Array(16);
  random.fill(epoch);
  await engine.writer.transaction().execute(async (tx) => {
    const { epoch: before } = await tx.selectFrom('network').select('epoch').executeTakeFirstOrThrow();
    await tx
      .updateTable('network')
      .set({ epoch: Buffer.from(epoch).toString('hex') })
      .execute();
    await tx.updateTable('nodes').set({ online: 0 }).execute();
    for (const table of ['presence', 'sessions', 'once'] as const) await tx.deleteFrom(table).execute();
    await insertAudit(tx, {
      ...by,
      at: now,
      action: 'backup.restore',
      target: '',
      result: 'ok',
      detail: 'the database was replaced by a backup',
      before: { epoch: before },
      after: { epoch: Buffer.from(epoch).toString('hex') },
    });
  });
}

function syncFile(path: string): void {
  const file = openSync(path, 'r');
  fsyncSync(file);
  closeSync(file);
}
