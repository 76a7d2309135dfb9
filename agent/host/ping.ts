import { execFile } from 'node:child_process';
import { WarrenError } from '../../shared/errors.ts';

export interface PingResult {
  /** Round trip, or null when nothing came back within two seconds. */
  milliseconds: number | null;
}

/** One ICMP echo to an address, by ping(8). */
export function pingAddress(address: string): Promise<PingResult> {
  return new Promise((resolve, reject) => {
    execFile('ping', ['-n', '-c', '1', '-W', '2', '--', address], { encoding: 'utf8' }, (error, stdout) => {
      if (error !== null && (error as NodeJS.ErrnoException).code === 'ENOENT') {
        reject(
          new WarrenError('unsupported', 'the program ping is missing', { hint: 'install iputils-ping' }),
        );
        return;
      }
      const time = /time=([\d.]+) ms/.exec(stdout)?.[1];
      resolve({ milliseconds: time === undefined ? null : Number(time) });
    });
  });
}
