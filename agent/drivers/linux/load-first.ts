import koffi from 'koffi';

/** The first of these libraries that this host has. Throws what the last one's loading failed with. */
export function loadFirst(names: readonly string[]): ReturnType<typeof koffi.load> {
  let failure: unknown;
  for (const name of names) {
    try {
      return koffi.load(name);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
