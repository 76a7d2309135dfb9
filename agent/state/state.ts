import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { draftOf, syncFolder, writeFileAtomically } from '../../shared/atomic-file.ts';
import { WarrenError } from '../../shared/errors.ts';
import { lockFolder } from './lock.ts';
import {
  type Identity,
  identitySchema,
  type Joining,
  joiningSchema,
  type SavedMap,
  type Settings,
  savedMapSchema,
  settingsSchema,
} from './records.ts';

/** See host/boot-guard.ts. */
export const GUARD_FILE = 'exit-guard.nft';
/** All but the identity, which goes last. */
const FORGOTTEN = [
  ...['joining.json', 'map.json', 'map.json.broken', 'settings.json', 'timestamp', 'names.json'],
  GUARD_FILE,
];
const TIMESTAMP_LENGTH = 12;
/** sockaddr_un holds 108 bytes, the last of them zero (unix(7)). */
const LONGEST_SOCKET_PATH = 107;

/**
 * What an agent keeps on disk, in a folder of its own (0700, files 0600). Everything is written atomically. A file that
 * others can read, that is broken, foreign or of a newer version is refused and never overwritten.
 */
export class State {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Opens the folder, making it if `create`. Throws `not-found`, or `permission-denied` for one that others can look into. */
  static open(folder: string, options: { create: boolean }): State {
    const state = new State(folder);
    // Before anything is done in it: a token would be used up for an agent that cannot run.
    if (Buffer.byteLength(state.socketPath) > LONGEST_SOCKET_PATH) {
      throw new WarrenError('usage', `the path ${folder} is too long for a socket in it`, {
        hint: `give a folder of at most ${LONGEST_SOCKET_PATH - '/agent.sock'.length} bytes with --state`,
      });
    }
    if (!existsSync(folder)) {
      if (!options.create) throw notJoined(folder);
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
      } catch (cause) {
        throw new WarrenError('unavailable', `cannot make the folder ${folder}: ${String(cause)}`, { cause });
      }
    }
    const facts = statSync(folder);
    if (!facts.isDirectory()) throw new WarrenError('usage', `${folder} is not a folder`);
    if (facts.uid !== process.geteuid?.()) {
      throw new WarrenError('permission-denied', `the folder ${folder} belongs to another user`, {
        hint: 'run as its owner, or give another folder with --state',
      });
    }
    if ((facts.mode & 0o077) !== 0) {
      if (readdirSync(folder).length > 0) throw tooOpen(folder, 'chmod 700');
      chmodSync(folder, 0o700);
    }
    return state;
  }

  /** Where the running agent of this folder answers. */
  get socketPath(): string {
    return join(this.folder, 'agent.sock');
  }

  /** Holds the folder for this process; see lock.ts. */
  lock(): { release(): void } {
    return lockFolder(this.folder);
  }

  /** Null when this host has not joined. */
  identity(): Identity | null {
    return this.#read('identity.json', identitySchema);
  }

  /** The same where there must be one; throws `not-found`. */
  joinedIdentity(): Identity {
    const identity = this.identity();
    if (identity === null) throw notJoined(this.folder);
    return identity;
  }

  saveIdentity(identity: Identity): void {
    this.#write('identity.json', identity);
    rmSync(join(this.folder, 'joining.json'), { force: true });
  }

  /** What an earlier try to join left, or null. */
  joining(): Joining | null {
    return this.#read('joining.json', joiningSchema);
  }

  saveJoining(joining: Joining): void {
    this.#write('joining.json', joining);
  }

  settings(): Settings | null {
    return this.#read('settings.json', settingsSchema);
  }

  saveSettings(settings: Settings): void {
    this.#write('settings.json', settings);
  }

  /** Null when there is none, or one that cannot be used: it is set aside then, for the coordinator has it too. */
  savedMap(onBroken: (reason: string) => void): SavedMap | null {
    try {
      return this.#read('map.json', savedMapSchema);
    } catch (error) {
      if (!(error instanceof WarrenError) || error.code === 'permission-denied') throw error;
      const path = join(this.folder, 'map.json');
      renameSync(path, `${path}.broken`);
      onBroken(error.message);
      return null;
    }
  }

  saveMap(saved: SavedMap): void {
    this.#write('map.json', saved);
  }

  /** The newest TAI64N (12 bytes) that this host may have sent, or null. */
  lastTimestamp(): Uint8Array | null {
    const path = join(this.folder, 'timestamp');
    if (!existsSync(path)) return null;
    checkPrivate(path);
    const bytes = new Uint8Array(readFileSync(path));
    // A broken one only matters to a clock that was set back as well; starting without is right.
    return bytes.length === TIMESTAMP_LENGTH ? bytes : null;
  }

  saveTimestamp(timestamp: Uint8Array): void {
    writeFileAtomically(join(this.folder, 'timestamp'), timestamp);
  }

  /** Forgets keys, map and settings. */
  forget(): void {
    for (const file of [...FORGOTTEN, 'identity.json']) {
      const path = join(this.folder, file);
      rmSync(path, { force: true });
      rmSync(draftOf(path), { force: true });
    }
    syncFolder(this.folder);
  }

  #read<T>(file: string, schema: z.ZodType<T>): T | null {
    const path = join(this.folder, file);
    if (!existsSync(path)) return null;
    checkPrivate(path);
    let value: unknown;
    try {
      value = JSON.parse(readFileSync(path, 'utf8'));
    } catch (cause) {
      throw new WarrenError('corrupt', `${path} is broken: ${(cause as Error).message.split('\n')[0]}`, {
        hint: 'restore it, or move it away and join again',
        cause,
      });
    }
    const version = (value as { version?: unknown } | null)?.version;
    if (typeof version === 'number' && version > 1) {
      throw new WarrenError('incompatible', `${path} was written by a newer version of Warren`, {
        hint: 'update this one',
      });
    }
    const result = schema.safeParse(value);
    if (!result.success) {
      const field = result.error.issues[0]?.path.join('.') || 'the whole';
      throw new WarrenError('corrupt', `${path} is not what it should be (${field})`, {
        hint: 'restore it, or move it away and join again',
      });
    }
    return result.data;
  }

  #write(file: string, value: unknown): void {
    writeFileAtomically(join(this.folder, file), `${JSON.stringify(value)}\n`);
  }
}

function checkPrivate(path: string): void {
  if ((statSync(path).mode & 0o077) !== 0) throw tooOpen(path, 'chmod 600');
}

function tooOpen(path: string, remedy: string): WarrenError {
  return new WarrenError('permission-denied', `${path} is open to others than its owner`, {
    hint: `keys in it may be known to others: ${remedy} ${path}, and join again if in doubt`,
  });
}

function notJoined(folder: string): WarrenError {
  return new WarrenError('not-found', `this host has not joined a network (nothing in ${folder})`, {
    hint: 'join with: bin/agent join TOKEN',
  });
}
