import { describeError, WarrenError } from '../../../shared/errors.ts';
import type { CreateTransportCipher } from '../../wireguard/aead.ts';
import { multiBufferCipher } from './multi-buffer-cipher.ts';
import { nodeOpenSslCipher, systemOpenSslCipher } from './openssl-cipher.ts';
import { proveCipher } from './prove-cipher.ts';
import { sodiumLibraryCipher } from './sodium-library-cipher.ts';

/** A library that seals packets. */
export interface NativeCipher {
  name: string;
  /** Throws WarrenError `unsupported` where this host or processor is without it. */
  load: () => CreateTransportCipher;
  /** Few hosts have it: that one is without is nothing to tell of. */
  optional: boolean;
}

/** In the order of preference, which is that of speed; `npm run bench:aead` measures them. */
export const NATIVE_CIPHERS: readonly NativeCipher[] = [
  { name: 'libipsec-mb', load: multiBufferCipher, optional: true },
  { name: "Node.js' OpenSSL", load: nodeOpenSslCipher, optional: false },
  { name: "the system's OpenSSL", load: systemOpenSslCipher, optional: false },
  { name: "the system's libsodium", load: sodiumLibraryCipher, optional: false },
];

/** Which library seals packets, and how. */
export interface ChosenCipher {
  name: string;
  create: CreateTransportCipher;
}

/**
 * The fastest cipher of this host, for one thread. Where it is not the first of those that every host should have, `notes`
 * gets a line that says why. Buffers must have a native address. The last resort is libsodium-wrappers.
 */
export async function linuxCipher(
  notes: string[],
  candidates: readonly NativeCipher[] = NATIVE_CIPHERS,
): Promise<ChosenCipher> {
  const reasons: string[] = [];
  for (const { name, load, optional } of candidates) {
    let create: CreateTransportCipher | null = null;
    try {
      create = load();
      proveCipher(create);
      if (reasons.length > 0)
        notes.push(`packets are sealed by ${name}, for a faster way fails: ${reasons.join('; ')}`);
      return { name, create };
    } catch (error) {
      if (!(error instanceof WarrenError) || error.code !== 'unsupported') throw error;
      if (create !== null || !optional) reasons.push(`${name}: ${describeCauses(error)}`);
    }
  }
  const { sodiumCipher } = await import('../portable/aead.ts');
  const create = await sodiumCipher();
  notes.push(`packets are sealed by libsodium-wrappers, for every faster way fails: ${reasons.join('; ')}`);
  return { name: 'libsodium-wrappers', create };
}

function describeCauses(error: Error): string {
  return error.cause === undefined
    ? describeError(error)
    : `${describeError(error)} (${describeError(error.cause)})`;
}
