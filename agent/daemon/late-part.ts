/** A part whose code is loaded when the mesh is up by the saved map; null before, and where there is to be none. */
export class LatePart<T extends { close(): unknown }> {
  readonly #load: () => Promise<(() => T) | null>;
  readonly #ending: AbortSignal;
  #part: T | null = null;

  /** `load` loads the code and gives what begins the part, which is not called when the end has come meanwhile. */
  constructor(load: () => Promise<(() => T) | null>, ending: AbortSignal) {
    this.#load = load;
    this.#ending = ending;
  }

  get part(): T | null {
    return this.#part;
  }

  async start(): Promise<void> {
    const begin = await this.#load();
    if (!this.#ending.aborted) this.#part = begin?.() ?? null;
  }

  close(): unknown {
    return this.#part?.close();
  }
}
