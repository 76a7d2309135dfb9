/**
 * Memory that packets live in: one long-lived ArrayBuffer, seen in the three ways the hot path needs. It is made once and
 * never reallocated, so `address` (0 where a driver has no native memory to point at) stays good for system calls and
 * for the native AEAD; offsets are passed beside it and nothing is ever sliced off.
 */
export interface PacketBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Native address of byte 0, or 0. */
  readonly address: number;
}

/** A buffer for drivers without native calls, for tests and for simulations. */
export function packetBuffer(length: number): PacketBuffer {
  const memory = new ArrayBuffer(length);
  return { bytes: new Uint8Array(memory), view: new DataView(memory), address: 0 };
}
