import { formatPrefix, type Prefix, parsePrefix } from '../../../shared/prefix.ts';
import { ROLES } from '../roles.ts';
import { canonicalTag } from '../tags.ts';
import { canonicalUser, type Selector, type SelectorKind } from './document.ts';

/** Where a selector stands decides which kinds mean something there. */
export type Place = 'source' | 'destination' | 'owner' | 'approver' | 'test';

/** What selectors refer to within their document. */
export interface Names {
  /** Users by group, without `group:`. */
  readonly groups: ReadonlyMap<string, ReadonlySet<string>>;
  readonly hosts: ReadonlyMap<string, Prefix>;
}

/** Autogroups of the field that mean nothing here, each with why and what to write instead. */
const UNSUPPORTED_AUTOGROUPS: Readonly<Record<string, string>> = {
  'network-admin': 'accounts are owner, admin or auditor here',
  'it-admin': 'accounts are owner, admin or auditor here',
  'billing-admin': 'accounts are owner, admin or auditor here',
  shared: 'machines are not shared between networks',
  nonroot: 'it is of ssh rules',
  'danger-all': 'nobody outside the network reaches into it; "*" is everybody within',
};

/** Kinds of selectors of the field that have no meaning here, by how they begin. */
const UNSUPPORTED: readonly (readonly [string, string])[] = [
  ['svc:', 'services are not supported'],
  ['ipset:', 'IP sets are not supported: name the networks in "hosts"'],
  ['posture:', 'device postures are not supported'],
  ['role:', 'roles are not supported here'],
  ['user:', 'all users of a domain are not supported: list them in a group'],
];

/** Reads a selector; a string says why it is none, or none for this place. */
export function parseSelector(text: string, place: Place, names: Names): Selector | string {
  const kind = kindOf(text, names);
  if (typeof kind === 'string') return kind;
  const why = misplaced(kind, place, text);
  return why === null ? { ...kind, text } : why;
}

/** Whether it is a selector of the field that means nothing here, as against one that is wrong everywhere. */
export function isUnsupported(text: string): boolean {
  return (
    UNSUPPORTED.some(([start]) => text.startsWith(start)) ||
    (text.startsWith('autogroup:') && Object.hasOwn(UNSUPPORTED_AUTOGROUPS, text.slice('autogroup:'.length)))
  );
}

/** `netops@login.example.com`: a group as the provider of that host calls it. */
function isProviderGroup(name: string): boolean {
  return /^[^@]+@[a-z0-9.:[\]-]+$/.test(name);
}

export function isUser(text: string): boolean {
  return /^[^\s:@*]+@[^\s:@*]*$/.test(text);
}

function kindOf(text: string, names: Names): SelectorKind | string {
  if (text === '*') return { kind: 'any' };
  if (text.startsWith('autogroup:')) return autogroup(text.slice('autogroup:'.length));
  if (text.startsWith('group:')) {
    const name = text.slice('group:'.length);
    const users = names.groups.get(name);
    if (users !== undefined) return { kind: 'users', names: users };
    return isProviderGroup(name)
      ? { kind: 'provider-group', group: name }
      : `${shown(text)} is not in "groups"; a group of a provider is group:NAME@HOST`;
  }
  if (text.startsWith('tag:')) {
    const tag = canonicalTag(text);
    return tag === null ? notATag(text) : { kind: 'tag', tag };
  }
  const unsupported = UNSUPPORTED.find(([start]) => text.startsWith(start));
  if (unsupported !== undefined) return `${shown(text)}: ${unsupported[1]}`;
  if (isUser(text)) return { kind: 'users', names: new Set([canonicalUser(text)]) };
  // What stands in `hosts` counts before what looks like an address, as the document's own word.
  const prefix = names.hosts.get(text) ?? parsePrefix(text);
  if (prefix !== null) {
    return { kind: 'prefix', prefix };
  }
  return `${shown(text)} is neither an address, nor in "hosts", nor a user (user@domain), group:, tag: or autogroup:`;
}

function autogroup(name: string): SelectorKind | string {
  switch (name) {
    case 'member':
    case 'members':
      return { kind: 'member' };
    case 'tagged':
      return { kind: 'tagged' };
    case 'self':
      return { kind: 'self' };
    case 'internet':
      return { kind: 'internet' };
    case 'owner':
    case 'admin':
    case 'auditor':
      return { kind: 'role', role: name };
    default:
      return unknownAutogroup(name);
  }
}

function unknownAutogroup(name: string): string {
  const text = shown(`autogroup:${name}`);
  const why = Object.hasOwn(UNSUPPORTED_AUTOGROUPS, name) ? UNSUPPORTED_AUTOGROUPS[name] : undefined;
  if (why !== undefined) return `${text} is not supported: ${why}`;
  const known = ['member', 'tagged', 'self', 'internet', ...ROLES];
  return `there is no ${text}: write autogroup:${known.slice(0, -1).join(', ')} or ${known.at(-1)}`;
}

/** Why a kind means nothing in a place, or null. */
function misplaced(kind: SelectorKind, place: Place, text: string): string | null {
  switch (kind.kind) {
    case 'self':
      if (place === 'destination') return null;
      return '"autogroup:self" can only be a destination';
    case 'internet':
      if (place === 'destination') return null;
      return place === 'test'
        ? '"autogroup:internet" cannot be tested: name an address'
        : '"autogroup:internet" can only be a destination';
    case 'any':
      if (place === 'test') return '"*" cannot be tested: name who or what';
      return place === 'owner' || place === 'approver' ? `"*" cannot be an ${place}` : null;
    case 'prefix':
      return place === 'owner' || place === 'approver'
        ? `${shown(text)} cannot be an ${place}: name users, groups or tags`
        : null;
    default:
      return null;
  }
}

export function notATag(text: string): string {
  return `${shown(text)} is not a tag: tag: and a lower-case name of letters, digits and hyphens`;
}

/** Whether a CIDR names an address within its network, as `10.0.0.1/8` does: the field takes the network. */
export function hasHostBits(text: string, prefix: Prefix): boolean {
  if (!text.includes('/')) return false;
  const host = parsePrefix(text.slice(0, text.indexOf('/')));
  return host !== null && formatPrefix({ ...host, length: prefix.length }) !== formatPrefix(prefix);
}

export function hostBitsSet(text: string, prefix: Prefix): string {
  return `${shown(text)} has host bits and is taken for ${formatPrefix(prefix)}`;
}

/**
 * Splits `tag:web:22`, `10.0.0.0/8:*`, `[fd00::1]:22`, `[fd00::]/64:22` or `fd00::1:22` into target and ports; ports are null
 * where there are none.
 */
export function splitTarget(text: string): { target: string; ports: string | null } {
  const bracket = /^\[([^\]]+)\](\/\d+)?(?::(.*))?$/.exec(text);
  if (bracket !== null)
    return {
      target: `${bracket[1]}${bracket[2] ?? ''}`,
      ports: bracket[3] === undefined ? null : bracket[3],
    };
  const colon = text.lastIndexOf(':');
  if (colon < 0 || !/^[*\d]/.test(text.slice(colon + 1))) return { target: text, ports: null };
  return { target: text.slice(0, colon), ports: text.slice(colon + 1) };
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
