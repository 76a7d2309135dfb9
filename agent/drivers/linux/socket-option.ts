import * as libc from './libc.ts';
import { nativeBuffer } from './memory.ts';

export const SOL_SOCKET = 1;
export const SO_REUSEPORT = 15;

/** Sets an option whose value is an int; whether the kernel took it. */
export function setOption(descriptor: number, level: number, option: number, value: number): boolean {
  const memory = nativeBuffer(4);
  memory.view.setInt32(0, value, true);
  return libc.setsockopt(descriptor, level, option, memory.address, 4) === 0;
}
