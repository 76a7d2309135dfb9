import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { WarrenError } from '../../../shared/errors.ts';

/** Of the coordinator's folder. */
export const KEY_FILE = 'accounts.key';
const KEY_LENGTH = 32;
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;

/**
 * Encrypts what has to be stored and read again, with a key that is not in the database: a dump of that alone is worth
 * nothing (SEC-3). AES-256-GCM, nonce and tag before the text; the owner's id is authenticated with it.
 */
export class Sealer {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    if (key.length !== KEY_LENGTH) throw new RangeError('a key has 32 bytes');
    this.#key = key;
  }

  seal(text: string, owner: string): Uint8Array {
    const nonce = randomBytes(NONCE_LENGTH);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(owner));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag(), sealed]));
  }

  /** Null for what another key sealed, or for somebody else. */
  open(sealed: Uint8Array, owner: string): string | null {
    try {
      const nonce = sealed.subarray(0, NONCE_LENGTH);
      const tag = sealed.subarray(NONCE_LENGTH, NONCE_LENGTH + TAG_LENGTH);
      const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce)
        .setAAD(Buffer.from(owner))
        .setAuthTag(tag);
      const text = decipher.update(sealed.subarray(NONCE_LENGTH + TAG_LENGTH));
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    } catch {
      return null;
    }
  }
}

/**
 * The key in `accounts.key` of the coordinator's folder (0600), made where there is none. Throws `permission-denied` for a
 * file that others can read, or this process cannot, `corrupt` for one that is no key.
 */
export function loadSealingKey(dataFolder: string): Uint8Array {
  const path = join(dataFolder, KEY_FILE);
  try {
    const file = openSync(path, 'wx', 0o600);
    try {
      writeSync(file, `${randomBytes(KEY_LENGTH).toString('base64')}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new WarrenError('unavailable', `${path} cannot be made: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
  if ((statSync(path).mode & 0o077) !== 0) {
    throw new WarrenError('permission-denied', `${path} is open to others than its owner`, {
      hint: `chmod 600 ${path}`,
    });
  }
  const key = Buffer.from(read(path).trim(), 'base64');
  if (key.length === KEY_LENGTH) return new Uint8Array(key);
  throw new WarrenError('corrupt', `${path} is not a key`, {
    hint: 'restore it from a backup, or remove it: second factors then have to be set up again',
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new WarrenError('permission-denied', `${path} cannot be read: ${(cause as Error).message}`, {
      hint: `give it to the owner of its folder: chown --reference=${dirname(path)} ${path}`,
      cause,
    });
  }
}
