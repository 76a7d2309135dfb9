import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { WarrenError } from '../../shared/errors.ts';
import type { TunnelCommandOptions } from './run-tunnel.ts';

/** Starts the same command in the background and returns when its interface can be configured, as wg-quick expects. */
export async function detach(name: string, options: TunnelCommandOptions): Promise<void> {
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  // A file, not a pipe: the child may write to it after this process has ended. It is removed at once when read.
  const complaints = temporaryFile();
  const child = spawn(
    process.execPath,
    [
      ...process.execArgv,
      main,
      'tunnel',
      name,
      '--driver',
      options.driver,
      '--mtu',
      String(options.mtu),
      ...(options.workers === undefined ? [] : ['--workers', String(options.workers)]),
      '--log-level',
      options.logLevel,
    ],
    { detached: true, stdio: ['ignore', 'pipe', complaints.descriptor] },
  );
  const stdout = child.stdout as Readable;
  try {
    await new Promise<void>((resolve, reject) => {
      stdout.once('data', () => resolve());
      child.once('exit', (status) => {
        const reason = complaints.lastLine() || `it ended with status ${status}`;
        reject(new WarrenError('internal', reason.replace(/^error: /, '')));
      });
    });
  } finally {
    complaints.close();
  }
  child.removeAllListeners('exit');
  stdout.destroy();
  child.unref();
}

function temporaryFile() {
  const folder = mkdtempSync(join(tmpdir(), 'warren-tunnel-'));
  const path = join(folder, 'stderr');
  const descriptor = openSync(path, 'a', 0o600);
  return {
    descriptor,
    lastLine: () => readFileSync(path, 'utf8').trim().split('\n').at(-1) ?? '',
    close: () => {
      closeSync(descriptor);
      rmSync(folder, { recursive: true });
    },
  };
}
