import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { WarrenError } from '../../shared/errors.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * Holds a folder for this process, by flock(2) on a file in it: the kernel lets go when the process ends, however it ends,
 * so a killed agent locks nobody out. Throws `in-use` while another process holds it.
 */
export function lockFolder(path: string): { release(): void } {
  const flock = koffi.load('libc.so.6').func('int flock(int fd, int operation)') as unknown as (
    descriptor: number,
    operation: number,
  ) => number;
  const descriptor = openSync(`${path}/lock`, 'a', 0o600);
  if (flock(descriptor, LOCK_EX | LOCK_NB) !== 0) {
    closeSync(descriptor);
    throw new WarrenError('in-use', `another agent is running on ${path}`, {
      hint: 'stop it first, or give this one a folder of its own with --state',
    });
  }
  return { release: () => closeSync(descriptor) };
}
