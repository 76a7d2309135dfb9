import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import koffi from 'koffi';
import { WarrenError } from '../../shared/errors.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * Holds a folder for this process, by flock(2) on a file in it: the kernel lets go when the process ends, however it ends,
 * so a killed agent locks nobody out. Throws `in-use` while another process holds it, `unavailable` where it cannot be had.
 */
export function lockFolder(path: string): { release(): void } {
  const flock = koffi.load(null).func('int flock(int fd, int operation)') as unknown as (
    descriptor: number,
    operation: number,
  ) => number;
  let descriptor: number;
  try {
    descriptor = openSync(`${path}/lock`, 'a', 0o600);
  } catch (cause) {
    throw cannotLock(path, String((cause as NodeJS.ErrnoException).code), cause);
  }
  if (flock(descriptor, LOCK_EX | LOCK_NB) !== 0) {
    const errno = koffi.errno();
    closeSync(descriptor);
    if (errno !== constants.errno.EWOULDBLOCK) throw cannotLock(path, `errno ${errno}`);
    throw new WarrenError('in-use', `another agent is running on ${path}`, {
      hint: 'stop it first, or give this one a folder of its own with --state',
    });
  }
  return { release: () => closeSync(descriptor) };
}

function cannotLock(path: string, why: string, cause?: unknown): WarrenError {
  return new WarrenError('unavailable', `the folder ${path} cannot be locked: ${why}`, {
    hint: 'give a folder on a local disk that can be written, with --state',
    cause,
  });
}
