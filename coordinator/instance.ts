import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'instance';

/**
 * What tells this coordinator from the others of one database: its host and port, and what is in its folder alone, since hosts may have
 * one name. The same after a restart.
 */
export function instanceName(dataFolder: string, hostAndPort: string): string {
  const path = join(dataFolder, FILE);
  try {
    writeFileSync(path, `${randomBytes(4).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return `${hostAndPort}/${readFileSync(path, 'utf8').trim()}`;
}
