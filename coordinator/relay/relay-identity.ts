import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../../shared/atomic-file.ts';
import { WarrenError } from '../../shared/errors.ts';

const FILE = 'relay.json';
const base64 = z.base64();

const schema = z.object({
  version: z.literal(1),
  relayId: z.string().min(1),
  /** Of the token that it was enrolled with, SHA-256, base64: another token means to enrol anew. */
  tokenHash: base64,
  /** The coordinator's. */
  urls: z.array(z.string()).min(1),
  /** DER, base64. */
  caCertificate: base64,
  certificate: base64,
  /** PEM. */
  certificateKey: z.string().min(1),
});

/** What a relay on a host of its own keeps of its enrolment. */
export type RelayIdentity = z.infer<typeof schema>;

/** Null where there is none. Throws `permission-denied` for a file that others can read, `corrupt` for another's. */
export function readRelayIdentity(folder: string): RelayIdentity | null {
  const path = join(folder, FILE);
  let text: string;
  try {
    if ((statSync(path).mode & 0o077) !== 0) {
      throw new WarrenError('permission-denied', `${path} is open to others than its owner`, {
        hint: `chmod 600 ${path}`,
      });
    }
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new WarrenError('corrupt', `${path} is not the state of a relay`, {
      hint: 'remove it and enrol with a new token',
      cause,
    });
  }
}

export function writeRelayIdentity(folder: string, identity: RelayIdentity): void {
  writeFileAtomically(join(folder, FILE), `${JSON.stringify(identity)}\n`);
}
