import type { IpBytes } from '../../shared/ip.ts';
import { type Prefix, parsePrefix } from '../../shared/prefix.ts';

/** Consecutive addresses of one family that the same rules are for. Both ends belong to it. */
export interface SourceClass {
  from: IpBytes;
  to: IpBytes;
  /** Positions of the rules, in their order. */
  rules: number[];
}

/**
 * The addresses of one family that any rule names as a source, in disjoint ranges, each with all of its rules: what a packet's
 * source decides by a single look, however many rules there are. Adjacent ranges with the same rules are one.
 */
export function sourceClasses(sources: readonly (readonly string[])[], family: 4 | 6): SourceClass[] {
  const length = family === 4 ? 4 : 16;
  const bits = BigInt(length * 8);
  const edges: { at: bigint; rule: number; begins: boolean }[] = [];
  for (const [rule, cidrs] of sources.entries()) {
    for (const cidr of cidrs) {
      const prefix = parsePrefix(cidr) as Prefix;
      if (prefix.bytes.length !== length) continue;
      const from = toNumber(prefix.bytes);
      edges.push({ at: from, rule, begins: true });
      edges.push({ at: from + (1n << (bits - BigInt(prefix.length))), rule, begins: false });
    }
  }
  edges.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  /** How many of a rule's blocks are open: they may lie within each other. */
  const open = new Map<number, number>();
  const classes: (SourceClass & { end: bigint; key: string })[] = [];
  for (let i = 0; i < edges.length; ) {
    const { at } = edges[i] as { at: bigint };
    for (; edges[i]?.at === at; i++) {
      const { rule, begins } = edges[i] as { rule: number; begins: boolean };
      const count = (open.get(rule) ?? 0) + (begins ? 1 : -1);
      if (count === 0) open.delete(rule);
      else open.set(rule, count);
    }
    const next = edges[i]?.at;
    if (next === undefined || open.size === 0) continue;
    const rules = [...open.keys()].sort((a, b) => a - b);
    const key = rules.join();
    const last = classes.at(-1);
    if (last !== undefined && last.end === at && last.key === key) {
      last.to = toBytes(next - 1n, length);
      last.end = next;
    } else {
      classes.push({ from: toBytes(at, length), to: toBytes(next - 1n, length), rules, end: next, key });
    }
  }
  return classes.map(({ from, to, rules }) => ({ from, to, rules }));
}

function toNumber(bytes: IpBytes): bigint {
  return bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

function toBytes(number: bigint, length: number): IpBytes {
  const bytes = new Uint8Array(length);
  for (let i = length - 1, rest = number; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}
