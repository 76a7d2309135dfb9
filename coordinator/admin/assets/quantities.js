// Numbers as people read them; the words are those of pages/map/words.ts.
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** `1.2 MB`, in powers of a thousand. */
export function bytes(count) {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `1.5 ms`; with a tilde where it was reckoned, not measured. */
export function latency(milliseconds, isEstimated = false) {
  const digits = milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds);
  return `${isEstimated ? '~' : ''}${digits} ms`;
}
