import type { IpBytes } from '../../../shared/ip.ts';
import type { Prefix } from '../../../shared/prefix.ts';
import type { Role } from '../roles.ts';
import { addBits, emptyBits, type RuleBits, setBit } from './bits.ts';
import type { Rule, Selector } from './document.ts';
import { intersection } from './prefix-set.ts';

/** Of which rules something is a source, and of which a destination. */
export interface Sides {
  readonly src: RuleBits;
  readonly dst: RuleBits;
}

/** What selectors see of a machine beside its addresses and routes. */
export interface Identified {
  readonly tags: readonly string[];
  /** Empty for none. */
  readonly owner: string;
  /** Groups of the provider that the owner is in: `GROUP@ISSUER-HOST`. */
  readonly ownerGroups?: readonly string[];
  /** The role of the owner's account, while that is enabled; empty for none. */
  readonly ownerRole?: Role | '';
}

type Side = keyof Sides;

interface PrefixUse {
  readonly prefix: Prefix;
  readonly side: Side;
  readonly rule: number;
}

/** Tells for tags, owners, addresses and networks which rules name them, without going through all rules. */
export class RuleIndex {
  readonly rules: readonly Rule[];
  /** Rules that have `autogroup:self` among their destinations. */
  readonly self: RuleBits;
  readonly #any: Sides;
  readonly #member: Sides;
  readonly #tagged: Sides;
  readonly #internet: Sides;
  readonly #tags = new Map<string, Sides>();
  readonly #users = new Map<string, Sides>();
  readonly #groups = new Map<string, Sides>();
  readonly #roles = new Map<string, Sides>();
  readonly #userKeys = new Map<string, string>();
  readonly #prefixes: PrefixUse[] = [];
  /** The same by length, then by masked address. */
  readonly #byLength = new Map<number, Map<string, PrefixUse[]>>();

  constructor(rules: readonly Rule[]) {
    this.rules = rules;
    this.self = emptyBits(rules.length);
    this.#any = this.#sides();
    this.#member = this.#sides();
    this.#tagged = this.#sides();
    this.#internet = this.#sides();
    rules.forEach((rule, index) => {
      for (const selector of rule.sources) this.#add(selector, 'src', index);
      for (const selector of rule.destinations) this.#add(selector, 'dst', index);
    });
  }

  /** Equal for machines that no rule tells apart but by address and route. */
  identityKey(node: Identified): string {
    if (node.tags.length > 0) {
      return `tags ${node.tags
        .filter((tag) => this.#tags.has(tag))
        .sort()
        .join(' ')}`;
    }
    const groups = (node.ownerGroups ?? []).filter((group) => this.#groups.has(group));
    const role = node.ownerRole !== undefined && this.#roles.has(node.ownerRole) ? node.ownerRole : '';
    return `user ${this.#userKey(node.owner)} ${role} ${groups.length === 0 ? '' : JSON.stringify(groups.sort())}`;
  }

  /** The same for users of the same groups. */
  #userKey(owner: string): string {
    const sides = this.#users.get(owner);
    if (sides === undefined) return '';
    let key = this.#userKeys.get(owner);
    if (key === undefined) {
      key = `${sides.src.join()} ${sides.dst.join()}`;
      this.#userKeys.set(owner, key);
    }
    return key;
  }

  /** By `*`, tags, owner and autogroups: over both families. */
  identity(node: Identified): Sides {
    const sides = this.#sides();
    add(sides, this.#any);
    if (node.tags.length > 0) {
      add(sides, this.#tagged);
      for (const tag of node.tags) add(sides, this.#tags.get(tag));
    } else {
      add(sides, this.#member);
      if (node.owner !== '') add(sides, this.#users.get(node.owner));
      for (const group of node.ownerGroups ?? []) add(sides, this.#groups.get(group));
      add(sides, this.#roles.get(node.ownerRole ?? ''));
    }
    return sides;
  }

  /** By addresses and networks that hold an own address; null when there are none. */
  address(address: IpBytes): Sides | null {
    let sides: Sides | null = null;
    for (const [length, uses] of this.#byLength) {
      if (length >> 8 !== address.length) continue;
      for (const { side, rule } of uses.get(maskedKey(address, length & 255)) ?? []) {
        sides ??= this.#sides();
        setBit(sides[side], rule * 2 + familyBit(address));
      }
    }
    return sides;
  }

  /** A network behind a machine: not what the machine is, but where it leads to. */
  route(prefix: Prefix): Sides {
    const sides = this.#sides();
    const family = familyBit(prefix.bytes);
    for (const side of ['src', 'dst'] as const) onlyFamily(sides[side], this.#any[side], family);
    for (const use of this.#prefixes) {
      if (intersection(use.prefix, prefix) !== null) setBit(sides[use.side], use.rule * 2 + family);
    }
    return sides;
  }

  /** The Internet behind an exit node: never a source. */
  exit(internet: readonly Prefix[]): Sides {
    const sides = this.#sides();
    addBits(sides.dst, this.#any.dst);
    addBits(sides.dst, this.#internet.dst);
    for (const use of this.#prefixes) {
      if (use.side === 'dst' && internet.some((part) => intersection(part, use.prefix) !== null)) {
        setBit(sides.dst, use.rule * 2 + familyBit(use.prefix.bytes));
      }
    }
    return sides;
  }

  #add(selector: Selector, side: Side, rule: number): void {
    switch (selector.kind) {
      case 'any':
        both(this.#any[side], rule);
        break;
      case 'member':
        both(this.#member[side], rule);
        break;
      case 'tagged':
        both(this.#tagged[side], rule);
        break;
      case 'internet':
        both(this.#internet[side], rule);
        break;
      case 'self':
        both(this.self, rule);
        break;
      case 'tag':
        both(this.#named(this.#tags, selector.tag)[side], rule);
        break;
      case 'users':
        for (const name of selector.names) both(this.#named(this.#users, name)[side], rule);
        break;
      case 'provider-group':
        both(this.#named(this.#groups, selector.group)[side], rule);
        break;
      case 'role':
        both(this.#named(this.#roles, selector.role)[side], rule);
        break;
      case 'prefix':
        this.#addPrefix({ prefix: selector.prefix, side, rule });
        break;
    }
  }

  #addPrefix(use: PrefixUse): void {
    this.#prefixes.push(use);
    const { bytes, length } = use.prefix;
    // The family and the length in one number: an address has 4 or 16 bytes, a length at most 128 bits.
    const kind = (bytes.length << 8) | length;
    const uses = this.#byLength.get(kind) ?? new Map<string, PrefixUse[]>();
    this.#byLength.set(kind, uses);
    const key = maskedKey(bytes, length);
    uses.set(key, [...(uses.get(key) ?? []), use]);
  }

  #named(map: Map<string, Sides>, name: string): Sides {
    const sides = map.get(name) ?? this.#sides();
    map.set(name, sides);
    return sides;
  }

  #sides(): Sides {
    return { src: emptyBits(this.rules.length), dst: emptyBits(this.rules.length) };
  }
}

/** 0 for IPv4, 1 for IPv6. */
export function familyBit(address: IpBytes): 0 | 1 {
  return address.length === 4 ? 0 : 1;
}

function add(sides: Sides, more: Sides | undefined): void {
  if (more === undefined) return;
  addBits(sides.src, more.src);
  addBits(sides.dst, more.dst);
}

function both(bits: RuleBits, rule: number): void {
  setBit(bits, rule * 2);
  setBit(bits, rule * 2 + 1);
}

function onlyFamily(bits: RuleBits, from: RuleBits, family: 0 | 1): void {
  const mask = family === 0 ? 0x55555555 : 0xaaaaaaaa;
  for (let i = 0; i < bits.length; i++) bits[i] = (from[i] as number) & mask;
}

/** The leading bits of an address as a key. */
function maskedKey(address: IpBytes, length: number): string {
  let key = '';
  for (let i = 0, left = length; left > 0; i++, left -= 8) {
    key += String.fromCharCode((address[i] as number) & (left >= 8 ? 0xff : 0xff << (8 - left)));
  }
  return key;
}
