import { readFileSync, readlinkSync } from 'node:fs';
import koffi from 'koffi';

const MADV_DONTNEED = 4;

/**
 * Libraries that stay where they are for as long as the process lives: those that Node.js is linked with, and the one that this
 * file has loaded itself.
 */
const LASTING_LIBRARY =
  /\/(?:(?:libc|libm|libdl|libpthread|libgcc_s|libstdc\+\+|ld-linux[-\w]*)\.so[.\d]*|koffi\.node)$/;

/**
 * Gives back the pages of program files that starting has touched and running does not: some 20 MiB, most of them Node.js'
 * own code for compiling and loading. They stay in the kernel's cache, from where those that are needed after all come back
 * without reading a disk. Where it cannot be done, nothing is lost but memory.
 */
export function releaseStartupPages(): void {
  try {
    const libc = koffi.load(null);
    const madvise = libc.func('int madvise(uintptr_t a, size_t l, int advice)') as (
      address: number,
      length: number,
      advice: number,
    ) => number;
    const program = readlinkSync('/proc/self/exe');
    for (const { address, length } of cleanMappings(readFileSync('/proc/self/smaps', 'utf8'), program)) {
      madvise(address, length, MADV_DONTNEED);
    }
  } catch {
    // Another system, a kernel without smaps, a libc that is not bound: the pages stay.
  }
}

/** How often they are given back while something long starts: a thread that loads its code, milliseconds. */
const RELEASE_INTERVAL = 30;

/** Gives them back again and again until `work` is done, and then once more. */
export async function releasingStartupPages<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(releaseStartupPages, RELEASE_INTERVAL);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    releaseStartupPages();
  }
}

/**
 * The read-only mappings of `program` and of lasting libraries of which this process has changed no page (proc_pid_smaps(5)): only
 * they can be filled from the file again. What the dynamic linker has relocated is not among them.
 *
 * Of no other file: another thread may be loading a library, for which the linker maps files and unmaps them again. What was
 * theirs when smaps was read may be its memory a moment later, which would be emptied.
 */
export function cleanMappings(smaps: string, program: string): { address: number; length: number }[] {
  const mappings = smaps.split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/);
  return mappings.flatMap((mapping) => {
    const [, start, end, file] =
      /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ [1-9]\d*\s+(\/.*)$/m.exec(mapping) ?? [];
    if (start === undefined || end === undefined || file === undefined) return [];
    if (file !== program && !LASTING_LIBRARY.test(file)) return [];
    if (!/^Anonymous: +0 kB$/m.test(mapping)) return [];
    const address = Number.parseInt(start, 16);
    return [{ address, length: Number.parseInt(end, 16) - address }];
  });
}
