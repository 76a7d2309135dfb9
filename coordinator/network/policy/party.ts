import { type Prefix, prefixContains } from '../../../shared/prefix.ts';
import type { Rule, Selector } from './document.ts';
import { intersection } from './prefix-set.ts';
import type { Identified } from './rule-index.ts';

/** One end of a flow that somebody asks about: a machine, one of which only tag or user is known, or an address. */
export interface Party {
  readonly prefixes: readonly Prefix[];
  /** Null for what is no machine of the network. */
  readonly machine: Identified | null;
}

/** Families over which something matches: 1 for IPv4, 2 for IPv6. */
type Families = number;
const BOTH: Families = 3;

/** How a network is compared: the whole of it must be named, or it is enough to name a part. */
export type Extent = 'whole' | 'part';

/** Whether a rule has both, as source and as destination over the same family. Ports are not looked at. */
export function ruleJoins(
  rule: Rule,
  source: Party,
  destination: Party,
  internet: readonly Prefix[],
  extent: Extent = 'whole',
): boolean {
  return (
    (sourceFamilies(rule, source, extent) &
      destinationFamilies(rule, source, destination, internet, extent)) !==
    0
  );
}

export function sourceFamilies(rule: Rule, party: Party, extent: Extent): Families {
  return union(rule.sources, (selector) => matches(selector, party, extent));
}

export function destinationFamilies(
  rule: Rule,
  source: Party,
  party: Party,
  internet: readonly Prefix[],
  extent: Extent,
): Families {
  return union(rule.destinations, (selector) => {
    if (selector.kind === 'self') return isOwn(source, party) ? familiesOf(party.prefixes) : 0;
    if (selector.kind !== 'internet') return matches(selector, party, extent);
    return familiesOf(
      party.prefixes.filter((prefix) => internet.some((part) => isNamed(part, prefix, extent))),
      0,
    );
  });
}

function matches(selector: Selector, party: Party, extent: Extent): Families {
  if (selector.kind === 'prefix') {
    return familiesOf(
      party.prefixes.filter((prefix) => isNamed(selector.prefix, prefix, extent)),
      0,
    );
  }
  return selector.kind === 'any' || (party.machine !== null && identifies(selector, party.machine))
    ? familiesOf(party.prefixes)
    : 0;
}

/** Whether a selector names a machine by what it is, not by its address. */
export function identifies(selector: Selector, machine: Identified): boolean {
  switch (selector.kind) {
    case 'tag':
      return machine.tags.includes(selector.tag);
    case 'tagged':
      return machine.tags.length > 0;
    case 'member':
      return machine.tags.length === 0;
    case 'users':
      return machine.tags.length === 0 && selector.names.has(machine.owner);
    case 'provider-group':
      return machine.tags.length === 0 && (machine.ownerGroups ?? []).includes(selector.group);
    case 'role':
      return machine.tags.length === 0 && machine.ownerRole === selector.role;
    default:
      return false;
  }
}

function isOwn({ machine: one }: Party, { machine: other }: Party): boolean {
  if (one === null || other === null || one.tags.length + other.tags.length > 0) return false;
  return one.owner !== '' && one.owner === other.owner;
}

function isNamed(wide: Prefix, prefix: Prefix, extent: Extent): boolean {
  if (extent === 'part') return intersection(wide, prefix) !== null;
  return wide.length <= prefix.length && prefixContains(wide, prefix.bytes);
}

function familiesOf(prefixes: readonly Prefix[], ifNone: Families = BOTH): Families {
  if (prefixes.length === 0) return ifNone;
  return prefixes.reduce((families, { bytes }) => families | (bytes.length === 4 ? 1 : 2), 0);
}

function union(selectors: readonly Selector[], families: (selector: Selector) => Families): Families {
  return selectors.reduce((all, selector) => all | families(selector), 0);
}
