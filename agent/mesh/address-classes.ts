import type { IpBytes } from '../../shared/ip.ts';
import { type Prefix, parsePrefix } from '../../shared/prefix.ts';
import { type Range, sweep } from './sweep.ts';

/** Consecutive addresses of one family that the same rules name. Both ends belong to it. */
export interface AddressClass {
  from: IpBytes;
  to: IpBytes;
  /** Positions of the rules, in their order. */
  rules: number[];
}

/**
 * The addresses of one family that any rule names, `named` being what each one does, in disjoint ranges, each with all of its rules:
 * what a packet's address decides by a single look, however many rules there are. Adjacent ranges with the same rules are one.
 */
export function addressClasses(named: readonly (readonly string[])[], family: 4 | 6): AddressClass[] {
  const length = family === 4 ? 4 : 16;
  /** Many rules name the same. */
  const known = new Map<string, Omit<Range<bigint>, 'owner'>>();
  const ranges: Range<bigint>[] = [];
  for (const [owner, cidrs] of named.entries()) {
    for (const cidr of cidrs) {
      if (cidr.includes(':') !== (family === 6)) continue;
      const block = known.get(cidr) ?? blockOf(cidr);
      known.set(cidr, block);
      ranges.push({ from: block.from, end: block.end, owner });
    }
  }
  const classes: (AddressClass & { end: bigint; key: string })[] = [];
  sweep(ranges, (from, end, owners) => {
    const key = owners.join();
    const last = classes.at(-1);
    const to = toBytes(end - 1n, length);
    if (last !== undefined && last.end === from && last.key === key) Object.assign(last, { to, end });
    else classes.push({ from: toBytes(from, length), to, rules: [...owners], end, key });
  });
  return classes.map(({ from, to, rules }) => ({ from, to, rules }));
}

function blockOf(cidr: string): Omit<Range<bigint>, 'owner'> {
  const { bytes, length } = parsePrefix(cidr) as Prefix;
  const from = bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
  return { from, end: from + (1n << BigInt(bytes.length * 8 - length)) };
}

function toBytes(number: bigint, length: number): IpBytes {
  const bytes = new Uint8Array(length);
  for (let i = length - 1, rest = number; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}
