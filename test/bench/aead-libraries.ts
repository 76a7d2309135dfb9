import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { NotToBeHad, unpackedPackage } from './programs.ts';

/** The path of a library of a newer Debian's package, unpacked and not installed; null where it cannot be had. */
export async function unpackedLibrary(debian: string, name: string): Promise<string | null> {
  try {
    const lib = join((await unpackedPackage(debian, 'trixie')).folder, 'usr/lib');
    const paths = readdirSync(lib).map((architecture) => join(lib, architecture, name));
    return paths.find((path) => existsSync(path)) ?? null;
  } catch (error) {
    if (error instanceof NotToBeHad) return null;
    throw error;
  }
}
