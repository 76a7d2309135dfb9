import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { WarrenError } from '../../../shared/errors.ts';

const derive = promisify((parameters: Argon2Parameters, done: (error: Error | null, key: Buffer) => void) =>
  argon2('argon2id', parameters, done),
);

export interface Argon2Cost {
  /** KiB. */
  memory: number;
  passes: number;
  parallelism: number;
}

/** RFC 9106, section 4, the second recommended option; more than what OWASP's cheat sheet asks for. */
const COST: Argon2Cost = { memory: 64 * 1024, passes: 3, parallelism: 4 };
const SALT_LENGTH = 16;
const TAG_LENGTH = 32;
/** So many hashes at once; each takes the memory above. */
const AT_ONCE = 2;
/** Longer queues only make everybody wait. */
const MAX_WAITING = 32;

/**
 * Hashes passphrases by Argon2id and checks them. The cost is written into the hash, so that it can be raised: `verify` tells
 * when one is of a lower cost than today's.
 */
export class Passphrases {
  readonly #cost: Argon2Cost;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #dummy: Promise<string> | null = null;

  constructor(cost: Argon2Cost = COST) {
    this.#cost = cost;
  }

  /** `$argon2id$v=19$m=…,t=…,p=…$SALT$TAG`. Throws `exhausted` when too many wait already. */
  async hash(passphrase: string): Promise<string> {
    const { memory, passes, parallelism } = this.#cost;
    const salt = randomBytes(SALT_LENGTH);
    const tag = await this.#derive(passphrase, salt, this.#cost, TAG_LENGTH);
    return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`;
  }

  /**
   * Whether the passphrase is that of the hash. With null, for an account that is not there or has none, it takes as long and
   * is false.
   */
  async verify(passphrase: string, hash: string | null): Promise<{ isRight: boolean; isOutdated: boolean }> {
    this.#dummy ??= this.hash(randomBytes(16).toString('hex'));
    const { cost, salt, tag } = parse(hash ?? (await this.#dummy));
    const found = await this.#derive(passphrase, salt, cost, tag.length);
    const { memory, passes, parallelism } = this.#cost;
    return {
      isRight: timingSafeEqual(found, tag) && hash !== null,
      isOutdated: cost.memory !== memory || cost.passes !== passes || cost.parallelism !== parallelism,
    };
  }

  async #derive(passphrase: string, salt: Buffer, cost: Argon2Cost, tagLength: number): Promise<Buffer> {
    if (this.#running >= AT_ONCE) {
      if (this.#waiting.length >= MAX_WAITING) {
        throw new WarrenError('exhausted', 'too many people are signing in at once', {
          hint: 'try again in a few seconds',
        });
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
    try {
      // The same text however a keyboard composes it (NIST SP 800-63B, 5.1.1.2).
      return await derive({ message: passphrase.normalize('NFKC'), nonce: salt, tagLength, ...cost });
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}

function parse(hash: string): { cost: Argon2Cost; salt: Buffer; tag: Buffer } {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(hash);
  if (match === null) throw new WarrenError('corrupt', 'a stored passphrase hash cannot be read');
  const [memory, passes, parallelism] = match.slice(1, 4).map(Number) as [number, number, number];
  return {
    cost: { memory, passes, parallelism },
    salt: Buffer.from(match[4] as string, 'base64'),
    tag: Buffer.from(match[5] as string, 'base64'),
  };
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
