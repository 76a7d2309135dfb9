import { WarrenError } from '../../../shared/errors.ts';

/** Primary result codes of SQLite (sqlite.org/rescode.html) that mean something to whoever asked. */
const PERM = 3;
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** The primary result code of what node:sqlite threw, or null for another error. */
function resultCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error)) return null;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : null;
}

export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === BUSY || code === LOCKED;
}

/** What SQLite threw about the file at `path`, as a WarrenError. */
export function explainSqliteError(error: unknown, path: string): Error {
  if (error instanceof WarrenError) return error;
  const say = (code: 'unavailable' | 'corrupt' | 'internal', why: string, hint: string) =>
    new WarrenError(code, `the database ${path} ${why}`, { hint, cause: error });
  switch (resultCode(error)) {
    case BUSY:
    case LOCKED:
      return say('unavailable', 'is busy: another process holds its lock', 'try again');
    case FULL:
      return say('unavailable', 'cannot grow: its disk is full', 'free space on that disk');
    case PERM:
    case READONLY:
    case CANTOPEN:
      return say('unavailable', 'cannot be opened or written', 'check the rights of the file and its folder');
    case IOERR:
      return say('unavailable', 'cannot be read or written', 'check the disk and the space left on it');
    case CORRUPT:
    case NOTADB:
      return say('corrupt', 'is damaged or not a database', 'restore it from a backup, or move it away');
    default:
      if (error instanceof Error && /database is not open/.test(error.message)) {
        return say('unavailable', 'is closed', 'the coordinator is ending');
      }
      return say('internal', `failed: ${error instanceof Error ? error.message : error}`, 'report this');
  }
}
