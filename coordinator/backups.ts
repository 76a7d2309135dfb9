import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  createWriteStream,
  existsSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as WebStream } from 'node:stream/web';
import type { Clock } from '../shared/clock.ts';
import { WarrenError } from '../shared/errors.ts';
import type { Random } from '../shared/random.ts';
import { KEY_FILE } from './admin/accounts/sealer.ts';
import type { AuditActor } from './store/contract/audit.ts';
import { ensurePrivateFolder, giveToOwnerOfFolder } from './store/private-folder.ts';
import { prepareRestore } from './store/sqlite/restore.ts';
import type { Store } from './store/store.ts';

/** A network of 10,000 nodes with its audit log has some 100 MB. */
const MAX_BACKUP = 1024 * 1024 * 1024;

/** Copies of a coordinator's SQLite database, to keep and to go back to. */
export class Backups {
  readonly #folder: string;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #random: Random;

  /** The folder is the coordinator's own: what lies in it for a moment is as secret as the database. */
  constructor(folder: string, store: Store, clock: Clock, random: Random) {
    this.#folder = folder;
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
  }

  /** A copy in a file of its own; whoever asked for it removes it. */
  async create(by: AuditActor): Promise<string> {
    const path = this.#temporary('backup');
    await this.#store.backUp(path, this.#clock.wall(), by);
    return path;
  }

  /** Takes an uploaded backup. It counts from the coordinator's next start on. Throws what `prepareRestore` throws, `exhausted` for one that is too large. */
  async receive(body: WebStream, by: AuditActor): Promise<void> {
    const path = this.#temporary('restore');
    try {
      const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
      await pipeline(Readable.fromWeb(body), limited(MAX_BACKUP), file);
      await this.#prepare(path, by);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (error instanceof WarrenError || code === undefined || !code.startsWith('E')) throw error;
      throw new WarrenError('unavailable', `the backup cannot be kept: ${code}`, {
        hint: 'free space on that disk',
        cause: error,
      });
    } finally {
      rmSync(path, { force: true });
    }
  }

  async #prepare(path: string, by: AuditActor): Promise<void> {
    const now = this.#clock.wall();
    try {
      await prepareRestore(path, by, { random: this.#random, now });
    } catch (error) {
      if (error instanceof WarrenError) {
        const row = { ...by, at: now, action: 'backup.restore', target: '', detail: error.message };
        await this.#store.audit({ ...row, result: 'refused' });
      }
      throw error;
    }
  }

  #temporary(purpose: string): string {
    return join(this.#folder, `${purpose}-${randomBytes(8).toString('hex')}.db`);
  }
}

/** The same for a file on this host; for `coordinator backup restore`, while nobody serves the folder. */
export async function restoreFile(
  file: string,
  dataFolder: string,
  by: AuditActor,
  context: { random: Random; now: number },
): Promise<void> {
  const path = join(dataFolder, `restore-${randomBytes(8).toString('hex')}.db`);
  // Which is put there beside the backup.
  const key = join(dataFolder, KEY_FILE);
  try {
    // A slip in its name leaves nothing behind.
    accessSync(file, constants.R_OK);
    ensurePrivateFolder(dataFolder);
    copyFileSync(file, path, constants.COPYFILE_EXCL);
    chmodSync(path, 0o600);
    giveToOwnerOfFolder(path);
    if (existsSync(key)) giveToOwnerOfFolder(key);
  } catch (cause) {
    rmSync(path, { force: true });
    if (cause instanceof WarrenError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new WarrenError('not-found', `the backup ${file} cannot be read: ${code}`, {
      hint: 'give a file that `backup create` or the admin page made',
      cause,
    });
  }
  await prepareRestore(path, by, context);
}

function limited(most: number): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > most) done(new WarrenError('exhausted', 'the backup is larger than can be taken'));
      else done(null, chunk);
    },
  });
}
