// Numbers as people read them; the words are those of pages/parts/bytes.ts and pages/map/words.ts.
const UNITS = ['', 'k', 'M', 'G', 'T', 'P'];

/** Bytes a second as bits, which links are measured in: `9.6 Mbit/s`. */
export function rate(bytesPerSecond) {
  let value = bytesPerSecond * 8;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}bit/s`;
}

/** `1.5 ms`; with a tilde where it was reckoned, not measured. */
export function latency(milliseconds, isEstimated = false) {
  const digits = milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds);
  return `${isEstimated ? '~' : ''}${digits} ms`;
}
