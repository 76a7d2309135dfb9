import { describeError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';

export interface Closable {
  close(): Promise<unknown> | unknown;
}

/** What has begun, to be ended in the other order. */
export class Closing {
  readonly #log: Logger;
  readonly #parts: Closable[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /** After all that was added before; gives it back. */
  add<T extends Closable>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  /** Closes one after the other, the last first. One that fails is logged, and keeps no other from being closed. */
  async close(): Promise<void> {
    for (const part of this.#parts.splice(0).reverse()) {
      try {
        await part.close();
      } catch (error) {
        this.#log.error({ reason: describeError(error) }, 'a part did not stop cleanly');
      }
    }
  }
}
