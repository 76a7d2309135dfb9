import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { WarrenError } from './errors.ts';

/**
 * Replaces a file as a whole, 0600: written beside it, made durable, renamed over it. Whatever fails, the old file stays as it
 * was. Throws `exhausted` when the disk is full, `unavailable` for anything else. One writer at a time: who holds the lock.
 */
export function writeFileAtomically(path: string, content: string | Uint8Array): void {
  const draft = draftOf(path);
  try {
    // What a process that was killed while it wrote left behind.
    rmSync(draft, { force: true });
    const descriptor = openSync(draft, 'wx', 0o600);
    try {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(descriptor, bytes, written, bytes.length - written);
      }
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, path);
    syncFolder(dirname(path));
  } catch (cause) {
    rmSync(draft, { force: true });
    const code = (cause as NodeJS.ErrnoException).code;
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    throw new WarrenError(
      isFull ? 'exhausted' : 'unavailable',
      `cannot write ${path}: ${code ?? String(cause)}`,
      {
        hint: isFull ? 'make room on that disk; what was stored before is untouched' : 'check the folder',
        cause,
      },
    );
  }
}

/** Where the next content of a file is written. It may outlive a killed process, with all that is secret in it. */
export function draftOf(path: string): string {
  return `${path}.new`;
}

/** A rename is durable when its folder is. */
export function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
