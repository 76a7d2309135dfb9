import { formatPrefix, type Prefix, parsePrefix, prefixesOverlap } from '../../shared/prefix.ts';
import { overlapsSpecialRange } from '../../shared/special-ranges.ts';
import type { RouteMapping } from './grants.ts';
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
  /** Of some of the routes, by prefix. Absent: of none. */
  mappings?: RouteMapping[];
}

export interface CheckedOffers {
  offers: Required<OfferSet>;
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

/** Why a route cannot stand for a network of its site, or null when it can. `others` are the node's mappings that were taken. */
export function mappingRefusal(
  { prefix, sitePrefix }: RouteMapping,
  overlay: readonly Prefix[],
  others: readonly RouteMapping[],
): string | null {
  const [mesh, site] = [parsePrefix(prefix), parsePrefix(sitePrefix)];
  if (mesh === null || site === null || formatPrefix(site) !== sitePrefix)
    return `${sitePrefix.slice(0, 64)} is not a canonical CIDR`;
  if (mesh.bytes.length !== site.bytes.length || mesh.length !== site.length)
    return `${sitePrefix} is not of the same size`;
  if (overlay.some((own) => prefixesOverlap(own, site))) return `${sitePrefix} overlaps the overlay itself`;
  if (overlapsSpecialRange(site)) return `${sitePrefix} holds loopback, link-local or multicast addresses`;
  const twice = others.find((other) => prefixesOverlap(parsePrefix(other.sitePrefix) as Prefix, site));
  return twice === undefined ? null : `${sitePrefix} overlaps ${twice.sitePrefix}, which is ${twice.prefix}`;
}

/** The part of a node's offers that can be granted at all. The input is untrusted. */
export function checkOffers(offers: Readonly<OfferSet>, overlay: readonly Prefix[]): CheckedOffers {
  const refused: string[] = [];
  const refuse = (what: string, why: string) => {
    if (refused.length < MAX_REFUSED) refused.push(`${what.slice(0, 64)}: ${why}`);
  };
  const routes = new Set<string>();
  const mappings: RouteMapping[] = [];
  for (const route of offers.routes.slice(0, MAX_ROUTES)) {
    if (routes.has(route)) continue;
    const mapping = offers.mappings?.find(({ prefix }) => prefix === route);
    const why = routeRefusal(route, overlay) ?? (mapping ? mappingRefusal(mapping, overlay, mappings) : null);
    // A route whose mapping is not taken would lead elsewhere than its node says.
    if (why !== null) refuse(`route ${route}`, why);
    else {
      routes.add(route);
      if (mapping) mappings.push({ prefix: route, sitePrefix: mapping.sitePrefix });
    }
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
    offers: {
      routes: [...routes].sort(),
      exitNode: offers.exitNode,
      tags: [...tags].sort(),
      mappings: mappings.sort((a, b) => (a.prefix < b.prefix ? -1 : 1)),
    },
    refused,
  };
}
