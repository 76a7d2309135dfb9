import { execFile } from 'node:child_process';
import { WarrenError } from '../../shared/errors.ts';

/** Debian's packages of those programs that are named otherwise. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  bridge: 'iproute2',
  ping: 'iputils-ping',
  nft: 'nftables',
};

/**
 * Runs a program of this host by its argument vector, never through a shell; `input` is its standard input. Throws with the first
 * line it complained with.
 */
export function runCommand(file: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      [...args],
      { encoding: 'utf8', maxBuffer: 64 << 20 },
      (error, stdout, stderr) => {
        if (error === null) {
          resolve(stdout);
          return;
        }
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
          reject(
            new WarrenError('unsupported', `the program ${file} is missing`, {
              hint: `install ${PACKAGES[file] ?? file}`,
            }),
          );
          return;
        }
        const why = stderr.trim().split('\n')[0] || error.message;
        reject(new WarrenError('internal', `${file} ${args.join(' ')}: ${why}`, { cause: error }));
      },
    );
    // A program that does not read it may have ended before.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
