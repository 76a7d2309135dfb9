import { compareIp, type IpBytes } from '../../../shared/ip.ts';
import { type Prefix, prefixContains } from '../../../shared/prefix.ts';

/** The part that two blocks share: the longer one if it lies within the other, else null. */
export function intersection(a: Prefix, b: Prefix): Prefix | null {
  const [wide, narrow] = a.length <= b.length ? [a, b] : [b, a];
  return prefixContains(wide, narrow.bytes) ? narrow : null;
}

/** The same addresses without blocks that lie within others, IPv4 first, in order. nftables' sets hold no overlaps. */
export function disjoint(prefixes: readonly Prefix[]): Prefix[] {
  const sorted = [...prefixes].sort((a, b) => compareIp(a.bytes, b.bytes) || a.length - b.length);
  const kept: Prefix[] = [];
  for (const prefix of sorted) {
    const last = kept.at(-1);
    // Blocks nest or are apart, and what holds another sorts before it.
    if (last === undefined || intersection(last, prefix) === null) kept.push(prefix);
  }
  return kept;
}

/** The fewest blocks that hold these addresses and no other: they may be of both families, in any order. */
export function coverOf(addresses: readonly IpBytes[]): Prefix[] {
  // By all but the last 32 bits, so that numbers do for the rest.
  const families = new Map<string, { head: IpBytes; tails: number[] }>();
  for (const address of addresses) {
    const head = address.subarray(0, -4);
    const key = head.join('.');
    const family = families.get(key) ?? { head, tails: [] };
    families.set(key, family);
    family.tails.push(tailOf(address));
  }
  return [...families.values()]
    .sort((a, b) => compareIp(a.head, b.head))
    .flatMap(({ head, tails }) => blocksOf(tails).map((block) => prefixOf(head, block)));
}

function tailOf(address: IpBytes): number {
  return new DataView(address.buffer, address.byteOffset).getUint32(address.length - 4);
}

interface Block {
  start: number;
  size: number;
}

/** Runs of consecutive numbers, cut where blocks must begin. */
function blocksOf(numbers: number[]): Block[] {
  const sorted = Float64Array.from(numbers).sort();
  const blocks: Block[] = [];
  for (let i = 0; i < sorted.length; ) {
    const start = sorted[i] as number;
    let end = start + 1;
    for (i++; i < sorted.length && (sorted[i] as number) <= end; i++) end = (sorted[i] as number) + 1;
    for (let at = start; at < end; ) {
      let size = 1;
      while (at % (size * 2) === 0 && at + size * 2 <= end) size *= 2;
      blocks.push({ start: at, size });
      at += size;
    }
  }
  return blocks;
}

function prefixOf(head: IpBytes, { start, size }: Block): Prefix {
  const bytes = new Uint8Array(head.length + 4);
  bytes.set(head);
  new DataView(bytes.buffer).setUint32(head.length, start);
  return { bytes, length: bytes.length * 8 - Math.log2(size) };
}

/** What is left of blocks when others are taken out of them. */
export function without(prefixes: readonly Prefix[], taken: readonly Prefix[]): Prefix[] {
  return taken.reduce<Prefix[]>(
    (rest, hole) => rest.flatMap((prefix) => withoutOne(prefix, hole)),
    [...prefixes],
  );
}

function withoutOne(prefix: Prefix, hole: Prefix): Prefix[] {
  const shared = intersection(prefix, hole);
  if (shared === null) return [prefix];
  if (shared === prefix || shared.length === prefix.length) return [];
  const [low, high] = halves(prefix);
  return [...withoutOne(low, hole), ...withoutOne(high, hole)];
}

function halves(prefix: Prefix): [Prefix, Prefix] {
  const length = prefix.length + 1;
  const high = prefix.bytes.slice();
  high[prefix.length >> 3] = (high[prefix.length >> 3] as number) | (0x80 >> (prefix.length & 7));
  return [
    { bytes: prefix.bytes, length },
    { bytes: high, length },
  ];
}
