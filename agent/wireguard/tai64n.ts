/** TAI64N labels (https://cr.yp.to/libtai/tai64.html), 12 bytes, compared as opaque big-endian numbers. */
export const TIMESTAMP_LENGTH = 12;

/** 2^62 + 10: TAI was ten seconds ahead of UTC in 1970. Leap seconds are ignored, as everywhere in WireGuard. */
const EPOCH_HIGH = 0x40000000;
const EPOCH_LOW = 10;

/**
 * Nanoseconds below this step are cleared, so that a timestamp does not serve as a fine clock to whoever attacks by timing;
 * it is also the least distance between two timestamps.
 */
const STEP_NS = 2 ** 24;
const NS_PER_SECOND = 1_000_000_000;

/** The label of a moment in milliseconds since 1970. */
export function timestampOf(wall: number): Uint8Array {
  const seconds = Math.floor(wall / 1000);
  const nanoseconds = Math.floor((wall - seconds * 1000) * 1_000_000);
  return encode(seconds, nanoseconds - (nanoseconds % STEP_NS));
}

/** The next label after `timestamp`, one step on. */
export function timestampAfter(timestamp: Uint8Array): Uint8Array {
  const view = new DataView(timestamp.buffer, timestamp.byteOffset, TIMESTAMP_LENGTH);
  const seconds = (view.getUint32(0) - EPOCH_HIGH) * 2 ** 32 + view.getUint32(4) - EPOCH_LOW;
  const nanoseconds = view.getUint32(8) + STEP_NS;
  return nanoseconds < NS_PER_SECOND ? encode(seconds, nanoseconds) : encode(seconds + 1, 0);
}

/** Whether `a` is later than `b`. */
export function isAfter(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < TIMESTAMP_LENGTH; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

function encode(seconds: number, nanoseconds: number): Uint8Array {
  const label = new Uint8Array(TIMESTAMP_LENGTH);
  const view = new DataView(label.buffer);
  const shifted = seconds + EPOCH_LOW;
  view.setUint32(0, EPOCH_HIGH + Math.floor(shifted / 2 ** 32));
  view.setUint32(4, shifted >>> 0);
  view.setUint32(8, nanoseconds);
  return label;
}
