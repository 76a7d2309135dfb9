import type { Prefix } from '../../shared/prefix.ts';
import type { PacketBuffer } from './packet-buffer.ts';

/**
 * A node of the trie: a prefix as four words in network order (IPv4 uses the first), and the value if it is an entry. Words
 * are signed 32-bit integers, which V8 keeps unboxed.
 */
class TrieNode<T> {
  readonly word0: number;
  readonly word1: number;
  readonly word2: number;
  readonly word3: number;
  readonly length: number;
  value: T | null;
  zero: TrieNode<T> | null = null;
  one: TrieNode<T> | null = null;

  constructor(words: readonly number[], length: number, value: T | null) {
    this.word0 = words[0] as number;
    this.word1 = words[1] as number;
    this.word2 = words[2] as number;
    this.word3 = words[3] as number;
    this.length = length;
    this.value = value;
  }

  contains(word0: number, word1: number, word2: number, word3: number): boolean {
    const length = this.length;
    if (length === 0) return true;
    if (length <= 32) return (this.word0 ^ word0) >>> (32 - length) === 0;
    if ((this.word0 ^ word0) !== 0) return false;
    if (length <= 64) return (this.word1 ^ word1) >>> (64 - length) === 0;
    if ((this.word1 ^ word1) !== 0) return false;
    if (length <= 96) return (this.word2 ^ word2) >>> (96 - length) === 0;
    if ((this.word2 ^ word2) !== 0) return false;
    return (this.word3 ^ word3) >>> (128 - length) === 0;
  }
}

function bitAt(position: number, word0: number, word1: number, word2: number, word3: number): number {
  const word = position < 32 ? word0 : position < 64 ? word1 : position < 96 ? word2 : word3;
  return (word >>> (31 - (position & 31))) & 1;
}

/** Longest-prefix match of one address family by a path-compressed binary trie. Looking up allocates nothing. */
class Trie<T> {
  readonly #bits: number;
  #root: TrieNode<T> | null = null;

  constructor(bits: 32 | 128) {
    this.#bits = bits;
  }

  lookup(word0: number, word1: number, word2: number, word3: number): T | null {
    let node = this.#root;
    let best: T | null = null;
    while (node?.contains(word0, word1, word2, word3)) {
      if (node.value !== null) best = node.value;
      if (node.length === this.#bits) break;
      node = bitAt(node.length, word0, word1, word2, word3) === 0 ? node.zero : node.one;
    }
    return best;
  }

  insert(words: readonly number[], length: number, value: T): T | null {
    const [word0, word1, word2, word3] = words as [number, number, number, number];
    let parent: TrieNode<T> | null = null;
    let node = this.#root;
    while (node !== null && node.length <= length && node.contains(word0, word1, word2, word3)) {
      if (node.length === length) {
        const before = node.value;
        node.value = value;
        return before;
      }
      parent = node;
      node = bitAt(node.length, word0, word1, word2, word3) === 0 ? node.zero : node.one;
    }
    const entry = new TrieNode(words, length, value);
    if (node === null) {
      this.#attach(parent, entry);
      return null;
    }
    const shared = commonLength(entry, node, Math.min(length, node.length));
    if (shared === length) {
      this.#attach(parent, entry);
      this.#attach(entry, node);
      return null;
    }
    const fork = new TrieNode<T>(truncated(words, shared), shared, null);
    this.#attach(parent, fork);
    this.#attach(fork, entry);
    this.#attach(fork, node);
    return null;
  }

  remove(words: readonly number[], length: number, value: T): boolean {
    const [word0, word1, word2, word3] = words as [number, number, number, number];
    const path: TrieNode<T>[] = [];
    let node = this.#root;
    while (node !== null && node.length <= length && node.contains(word0, word1, word2, word3)) {
      path.push(node);
      if (node.length === length) break;
      node = bitAt(node.length, word0, word1, word2, word3) === 0 ? node.zero : node.one;
    }
    const entry = path.at(-1);
    if (entry === undefined || entry.length !== length || entry.value !== value) return false;
    entry.value = null;
    // Nodes that neither hold an entry nor fork are spliced out, upwards.
    for (let i = path.length - 1; i >= 0; i--) {
      const candidate = path[i] as TrieNode<T>;
      if (candidate.value !== null || (candidate.zero !== null && candidate.one !== null)) break;
      const child = candidate.zero ?? candidate.one;
      const above = path[i - 1] ?? null;
      if (above === null) this.#root = child;
      else if (above.zero === candidate) above.zero = child;
      else above.one = child;
    }
    return true;
  }

  #attach(parent: TrieNode<T> | null, child: TrieNode<T>): void {
    if (parent === null) this.#root = child;
    else if (bitAt(parent.length, child.word0, child.word1, child.word2, child.word3) === 0)
      parent.zero = child;
    else parent.one = child;
  }
}

function commonLength<T>(a: TrieNode<T>, b: TrieNode<T>, most: number): number {
  const differences = [a.word0 ^ b.word0, a.word1 ^ b.word1, a.word2 ^ b.word2, a.word3 ^ b.word3];
  const first = differences.findIndex((difference) => difference !== 0);
  return first < 0 ? most : Math.min(most, first * 32 + Math.clz32(differences[first] as number));
}

function truncated(words: readonly number[], length: number): number[] {
  return words.map((word, index) => {
    const bits = Math.min(32, Math.max(0, length - index * 32));
    return bits === 0 ? 0 : (word & (-1 << (32 - bits))) | 0;
  });
}

function wordsOf(prefix: Prefix): number[] {
  const view = new DataView(prefix.bytes.buffer, prefix.bytes.byteOffset, prefix.bytes.length);
  return prefix.bytes.length === 4
    ? [view.getInt32(0), 0, 0, 0]
    : [view.getInt32(0), view.getInt32(4), view.getInt32(8), view.getInt32(12)];
}

/**
 * Cryptokey routing, section 2 of the paper: which peer an inner address belongs to. A prefix belongs to one peer at a
 * time; giving it to another takes it away from the first.
 */
export class AllowedIps<T> {
  readonly #four = new Trie<T>(32);
  readonly #six = new Trie<T>(128);
  /** Null where nobody stands in for another. */
  #standIns: AllowedIps<ReadonlySet<T>> | null = null;

  /** Gives a prefix to `value` and returns whose it was before, or null. */
  insert(prefix: Prefix, value: T): T | null {
    return (prefix.bytes.length === 4 ? this.#four : this.#six).insert(wordsOf(prefix), prefix.length, value);
  }

  /** Takes a prefix from `value`; false, and nothing happens, if it is not the owner. */
  remove(prefix: Prefix, value: T): boolean {
    return (prefix.bytes.length === 4 ? this.#four : this.#six).remove(wordsOf(prefix), prefix.length, value);
  }

  /**
   * Not part of WireGuard: prefixes whose addresses any of some peers may be a source of, whoever of them owns the prefix. All
   * of them at once.
   */
  setStandIns(prefixes: Iterable<readonly [Prefix, ReadonlySet<T>]>): void {
    this.#standIns = null;
    for (const [prefix, values] of prefixes) {
      this.#standIns ??= new AllowedIps();
      this.#standIns.insert(prefix, values);
    }
  }

  /** Whether `value` stands in for the owner of the address at an offset: 4 or 16 bytes. */
  standsIn(buffer: PacketBuffer, offset: number, length: 4 | 16, owner: T, value: T): boolean {
    if (this.#standIns === null) return false;
    const set =
      length === 4 ? this.#standIns.lookup4(buffer, offset) : this.#standIns.lookup6(buffer, offset);
    return set?.has(value) === true && set.has(owner);
  }

  /** The owner of the IPv4 address that stands at an offset of a buffer. */
  lookup4(buffer: PacketBuffer, offset: number): T | null {
    return this.#four.lookup(buffer.view.getInt32(offset), 0, 0, 0);
  }

  lookup6(buffer: PacketBuffer, offset: number): T | null {
    const view = buffer.view;
    return this.#six.lookup(
      view.getInt32(offset),
      view.getInt32(offset + 4),
      view.getInt32(offset + 8),
      view.getInt32(offset + 12),
    );
  }
}
