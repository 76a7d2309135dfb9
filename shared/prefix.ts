import { compareIp, formatIp, type IpBytes, parseIp } from './ip.ts';

/** A CIDR block. Host bits of `bytes` are zero. */
export interface Prefix {
  readonly bytes: IpBytes;
  /** Leading bits that count: 0 to 32 or 0 to 128. */
  readonly length: number;
}

/** Reads `192.0.2.0/24`, or a bare address as a host prefix; host bits are cleared. Null if it is neither. */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf('/');
  const bytes = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (bytes === null) return null;
  const digits = slash < 0 ? String(bytes.length * 8) : text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(digits)) return null;
  const length = Number(digits);
  return length > bytes.length * 8 ? null : { bytes: masked(bytes, length), length };
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatIp(prefix.bytes)}/${prefix.length}`;
}

/** The canonical spelling of a CIDR in text form, or null if it is none. */
export function canonicalPrefix(text: string): string | null {
  const prefix = parsePrefix(text);
  return prefix === null ? null : formatPrefix(prefix);
}

export function prefixContains(prefix: Prefix, address: IpBytes): boolean {
  return (
    prefix.bytes.length === address.length && compareIp(masked(address, prefix.length), prefix.bytes) === 0
  );
}

/** Whether two blocks share an address: one then lies within the other. */
export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  return a.length <= b.length ? prefixContains(a, b.bytes) : prefixContains(b, a.bytes);
}

function masked(bytes: IpBytes, length: number): IpBytes {
  const result = bytes.slice();
  for (let i = 0; i < result.length; i++) {
    const bits = Math.min(8, Math.max(0, length - i * 8));
    result[i] = (result[i] as number) & (0xff << (8 - bits));
  }
  return result;
}
