import { WarrenError } from '../../../shared/errors.ts';
import * as libc from './libc.ts';
import { nativeBuffer } from './memory.ts';

const EFD_NONBLOCK = 0x800;
const EFD_CLOEXEC = 0x80000;

/** A descriptor by which one thread wakes another out of poll(). Descriptors belong to the process, so any thread can write. */
export class Eventfd {
  readonly descriptor: number;
  readonly #count = nativeBuffer(8);
  /** What signalling writes: the number one as a native 64-bit integer. */
  readonly #one = nativeBuffer(8);

  private constructor(descriptor: number) {
    this.descriptor = descriptor;
    this.#one.view.setUint8(0, 1);
  }

  static open(): Eventfd {
    const descriptor = libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0) throw new WarrenError('internal', `eventfd: ${libc.errnoName(libc.errno())}`);
    return new Eventfd(descriptor);
  }

  /** One that another thread opened and will close. */
  static of(descriptor: number): Eventfd {
    return new Eventfd(descriptor);
  }

  /** Makes it readable. */
  signal(): void {
    libc.write(this.descriptor, this.#one.address, 8);
  }

  /** Makes it unreadable again, however often it was written. */
  drain(): void {
    libc.read(this.descriptor, this.#count.address, 8);
  }

  close(): void {
    libc.close(this.descriptor);
  }
}
