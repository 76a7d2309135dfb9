import { WarrenError } from '../../../shared/errors.ts';
import * as libc from './libc.ts';
import { nativeBuffer } from './memory.ts';

const EFD_NONBLOCK = 0x800;
const EFD_CLOEXEC = 0x80000;

/** A descriptor by which one thread wakes another out of poll(). Descriptors belong to the process, so any thread can write. */
export class Eventfd {
  readonly descriptor: number;
  readonly #count = nativeBuffer(8);

  constructor() {
    this.descriptor = libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (this.descriptor < 0) {
      throw new WarrenError('internal', `eventfd: ${libc.errnoName(libc.errno())}`);
    }
  }

  /** Makes it unreadable again, however often it was written. */
  drain(): void {
    libc.read(this.descriptor, this.#count.address, 8);
  }

  close(): void {
    libc.close(this.descriptor);
  }
}
