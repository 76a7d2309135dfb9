import {
  chmodSync,
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { WarrenError } from '../../shared/errors.ts';

/**
 * Makes a folder of 0700, or sees to it that the one there is private: an empty one is made so, one with something in it
 * that others can look into is refused, because they may have done so already.
 */
export function ensurePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if ((statSync(path).mode & 0o077) === 0) return;
    if (readdirSync(path).length === 0) {
      chmodSync(path, 0o700);
      return;
    }
  } catch (error) {
    throw new WarrenError('unavailable', `the folder ${path} cannot be used: ${(error as Error).message}`, {
      hint: 'give a folder of your own that can be written',
      cause: error,
    });
  }
  throw new WarrenError('permission-denied', `the folder ${path} is open to others than its owner`, {
    hint: `chmod 700 ${path}`,
  });
}

/**
 * Gives a file to the owner of its folder, where root does what is usually done by a user of the coordinator's own: a service that
 * could not open it would not start again. A file that has other names too is left alone, for it may be somebody else's.
 */
export function giveToOwnerOfFolder(path: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    if (fstatSync(file).nlink === 1) fchownSync(file, uid, gid);
  } finally {
    closeSync(file);
  }
}
