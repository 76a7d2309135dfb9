import { formatPrefix, type Prefix, parsePrefix, prefixesOverlap } from '../../shared/prefix.ts';
import { overlapsSpecialRange } from './special-ranges.ts';
import { canonicalTag } from './tags.ts';

export const MAX_ROUTES = 64;
export const MAX_TAGS = 16;

/** How much of what was refused is told again. */
const MAX_REFUSED = 16;

/** What a node offers to the others; nothing of it counts before an administrator grants it. */
export interface OfferSet {
  /** Canonical CIDRs, sorted, each once. */
  routes: string[];
  exitNode: boolean;
  tags: string[];
}

export interface CheckedOffers {
  offers: OfferSet;
  /** One phrase for each thing that was not taken. */
  refused: string[];
}

/** Why a CIDR cannot be a subnet route of this network, or null when it can. */
export function routeRefusal(route: string, overlay: readonly Prefix[]): string | null {
  const prefix = parsePrefix(route);
  if (prefix === null) return 'it is not a CIDR';
  if (formatPrefix(prefix) !== route) return `it is not canonical, ${formatPrefix(prefix)} is`;
  if (prefix.length === 0) return 'the default route is what an exit node offers';
  if (overlay.some((own) => prefixesOverlap(own, prefix))) return 'it overlaps the overlay itself';
  if (overlapsSpecialRange(prefix)) return 'it holds loopback, link-local or multicast addresses';
  return null;
}

/** The part of a node's offers that can be granted at all. The input is untrusted. */
export function checkOffers(offers: Readonly<OfferSet>, overlay: readonly Prefix[]): CheckedOffers {
  const refused: string[] = [];
  const refuse = (what: string, why: string) => {
    if (refused.length < MAX_REFUSED) refused.push(`${what.slice(0, 64)}: ${why}`);
  };
  const routes = new Set<string>();
  for (const route of offers.routes.slice(0, MAX_ROUTES)) {
    const why = routeRefusal(route, overlay);
    if (why === null) routes.add(route);
    else refuse(`route ${route}`, why);
  }
  if (offers.routes.length > MAX_ROUTES) refuse('routes', `more than ${MAX_ROUTES}`);
  const tags = new Set<string>();
  for (const text of offers.tags.slice(0, MAX_TAGS)) {
    const tag = canonicalTag(text);
    if (tag !== null) tags.add(tag);
    else refuse(`tag ${text}`, 'a tag is a lower-case name');
  }
  if (offers.tags.length > MAX_TAGS) refuse('tags', `more than ${MAX_TAGS}`);
  return {
    offers: { routes: [...routes].sort(), exitNode: offers.exitNode, tags: [...tags].sort() },
    refused,
  };
}
