import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs';
import { backup, DatabaseSync } from 'node:sqlite';
import { WarrenError } from '../../../shared/errors.ts';
import { explainSqliteError } from './errors.ts';

/** In one step: between two of them a writer would have the copy begin anew, again and again on a busy network. */
const ALL_PAGES = 2 ** 30;

/**
 * Copies a database that may be in use to a new file of 0600, as it is at one moment. Throws `already-exists` when the file is
 * there, `unavailable` when it cannot be written.
 */
export async function backUp(from: string, to: string): Promise<void> {
  try {
    // Nothing that is there is written over, and nobody else can open what is made.
    closeSync(openSync(to, 'wx', 0o600));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new WarrenError('already-exists', `${to} exists`, { hint: 'choose another name' });
    throw new WarrenError('unavailable', `${to} cannot be written: ${code}`, { cause });
  }
  let source: DatabaseSync | undefined;
  try {
    source = new DatabaseSync(from, { readOnly: true, timeout: 5_000 });
    await backup(source, to, { rate: ALL_PAGES });
    const file = openSync(to, 'r');
    fsyncSync(file);
    closeSync(file);
  } catch (error) {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(to + suffix, { force: true });
    throw explainSqliteError(error, to);
  } finally {
    source?.close();
  }
}
