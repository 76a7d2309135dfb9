import { closeSync, fsyncSync, linkSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { WarrenError } from '../../../shared/errors.ts';
import { explainSqliteError } from './errors.ts';

/** 'WARR': tells file(1), and us, whose database it is (sqlite.org/pragma.html#pragma_application_id). */
export const APPLICATION_ID = 0x57415252;

/**
 * Makes a database file of 0600 that appears at `path` only when `fill` has made it whole, so that what a crash leaves
 * is never taken for a network. When another process was first, its file stays and this one's is dropped.
 */
export async function createDatabaseFile(
  path: string,
  fill: (draft: string) => Promise<void>,
): Promise<void> {
  const draft = `${path}.new-${process.pid}-${Date.now().toString(36)}`;
  try {
    closeSync(openSync(draft, 'wx', 0o600));
    const database = new DatabaseSync(draft);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.close();
    await fill(draft);
    try {
      linkSync(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const folder = openSync(dirname(path), 'r');
    fsyncSync(folder);
    closeSync(folder);
  } catch (error) {
    if (error instanceof WarrenError) throw error;
    const why = explainSqliteError(error, path);
    throw new WarrenError('unavailable', `the database ${path} cannot be made: ${(error as Error).message}`, {
      hint: why instanceof WarrenError && why.code !== 'internal' ? why.hint : 'check its folder and disk',
      cause: error,
    });
  } finally {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(draft + suffix, { force: true });
  }
}

/** Looks at a file without writing a byte of it. Throws `corrupt` for what is not our database, `permission-denied` for open rights. */
export function checkDatabaseFile(path: string): void {
  const { mode, size } = statSync(path);
  if ((mode & 0o077) !== 0) {
    throw new WarrenError('permission-denied', `the database ${path} is open to others than its owner`, {
      hint: `chmod 600 ${path}`,
    });
  }
  const refuse = (why: string) =>
    new WarrenError('corrupt', `${path} ${why}; it was left as it is`, {
      hint: 'restore it from a backup, or move it away to begin a new network',
    });
  if (size === 0) throw refuse('is empty');
  let id: unknown;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 2_000 });
    id = database.prepare('PRAGMA application_id').get()?.application_id;
    database.prepare('select count(*) from sqlite_schema').get();
  } catch (error) {
    throw explainSqliteError(error, path);
  } finally {
    database?.close();
  }
  if (id !== APPLICATION_ID) throw refuse('is the database of another program');
}
