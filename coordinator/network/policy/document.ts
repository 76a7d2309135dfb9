import type { Prefix } from '../../../shared/prefix.ts';
import type { Role } from '../roles.ts';

/** A place in the text of a document; both count from 1, columns in UTF-16 units as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Something that is wrong with a document, or only odd. */
export interface Problem extends Position {
  readonly code: ProblemCode;
  readonly message: string;
}

/** For programs: no JSON at all, something of the field that Warren does not carry, any other mistake, a test that does not hold, an oddity. */
export const PROBLEM_CODES = ['syntax', 'unsupported', 'invalid', 'test-failed', 'warning'] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** A policy as it was checked. The words are those of the field's documents. */
export interface PolicyDocument {
  /** Of `acls` and `grants`, in the order of the text within each. An acl with several kinds of ports is several rules of one id. */
  readonly rules: readonly Rule[];
  readonly tests: readonly PolicyTest[];
  readonly autoApprovers: AutoApprovers;
  /** Who may give a tag, by tag without `tag:`. Tags come with tokens; accounts are asked for this. */
  readonly tagOwners: ReadonlyMap<string, readonly Selector[]>;
}

/** Lets sources open flows to destinations. What no rule lets pass is denied. */
export interface Rule extends Position {
  /** `acls[2]`, `grants[0]`. */
  readonly id: string;
  readonly sources: readonly Selector[];
  readonly destinations: readonly Selector[];
  /** Any of them; empty for everything. */
  readonly services: readonly Service[];
}

/** Ports of a protocol. */
export interface Service {
  /** Of IP; 0 is any. */
  readonly protocol: number;
  /** Both 0 for any, and for protocols without ports. */
  readonly firstPort: number;
  readonly lastPort: number;
}

/** Names hosts, users, machines or networks. `text` is how the document says it. */
export type Selector = SelectorKind & { readonly text: string };

export type SelectorKind =
  | { readonly kind: 'any' }
  /** Machines without tags that belong to one of these. */
  | { readonly kind: 'users'; readonly names: ReadonlySet<string> }
  /** Machines without tags whose user is in a group of the provider that users sign in with: `GROUP@ISSUER-HOST`. */
  | { readonly kind: 'provider-group'; readonly group: string }
  | { readonly kind: 'tag'; readonly tag: string }
  /** An address, a network, or a name of `hosts`. */
  | { readonly kind: 'prefix'; readonly prefix: Prefix }
  /** Machines without tags. */
  | { readonly kind: 'member' }
  | { readonly kind: 'tagged' }
  /** Machines without tags of the source's own owner. */
  | { readonly kind: 'self' }
  /** What exit nodes carry. */
  | { readonly kind: 'internet' }
  /** Machines without tags whose user's account has this role, and no other that would include it. */
  | { readonly kind: 'role'; readonly role: Role };

export interface AutoApprovers {
  readonly routes: readonly { readonly prefix: Prefix; readonly approvers: readonly Selector[] }[];
  readonly exitNode: readonly Selector[];
}

/** What the document itself says must come out of it. */
export interface PolicyTest extends Position {
  /** `tests[0]`. */
  readonly id: string;
  readonly source: Selector;
  /** Any of them will do: of IP. */
  readonly protocols: readonly number[];
  readonly accept: readonly TestTarget[];
  readonly deny: readonly TestTarget[];
}

export interface TestTarget extends Position {
  readonly destination: Selector;
  /** 0 for protocols without ports. */
  readonly port: number;
  readonly text: string;
}

/** The form in which a user is compared: `alice@` of headscale is `alice`. */
export function canonicalUser(text: string): string {
  return (text.endsWith('@') ? text.slice(0, -1) : text).toLowerCase();
}
