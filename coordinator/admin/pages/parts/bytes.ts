const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `1.2 MB`: powers of ten, as network people count. */
export function byteCount(bytes: number): string {
  let [value, unit] = [bytes, 0];
  for (; value >= 999.5 && unit < UNITS.length - 1; unit++) value /= 1_000;
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${UNITS[unit]}`;
}

/** Bytes a second as bits, which links are measured in: `9.6 Mbit/s`. */
export function byteRate(bytesPerSecond: number): string {
  return byteCount(bytesPerSecond * 8).replace(/ (.?)B$/, (_, prefix: string) => ` ${prefix}bit/s`);
}
