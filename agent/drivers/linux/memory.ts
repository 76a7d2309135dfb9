import koffi from 'koffi';
import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';

/**
 * A PacketBuffer that system calls and the native AEAD can point into. The address is looked up once: the memory of an
 * ArrayBuffer that nobody transfers or resizes does not move, and passing plain numbers is what makes calls cheap.
 */
export function nativeBuffer(length: number): PacketBuffer {
  const memory = new ArrayBuffer(length);
  const bytes = new Uint8Array(memory);
  return { bytes, view: new DataView(memory), address: Number(koffi.address(bytes)) };
}

/** Writes a pointer or size_t, little endian. Addresses of user space have 47 bits, so a number holds them exactly. */
export function putWord64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}
