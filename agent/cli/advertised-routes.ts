import { InvalidArgumentError } from 'commander';
import { cidr } from '../../shared/arguments.ts';
import { type Prefix, parsePrefix, prefixesOverlap } from '../../shared/prefix.ts';
import { overlapsSpecialRange } from '../../shared/special-ranges.ts';
import type { MapRouteMapping } from '../mesh/network-map.ts';

/** What a host offers to carry. */
export interface AdvertisedRoutes {
  /** As the mesh is to have them, canonical CIDRs. */
  routes: string[];
  /** Those that stand for another network here. */
  mappings: MapRouteMapping[];
}

/** Reads `CIDR,…`, each as it is or as `SITE=MESH`, blocks of one size. */
export function advertisedRoutes(text: string): AdvertisedRoutes {
  const routes = new Set<string>();
  const mappings: MapRouteMapping[] = [];
  for (const part of text.split(',')) {
    const [site, mesh, ...rest] = part.trim().split('=');
    const sitePrefix = network(site ?? '');
    if (rest.length > 0) throw new InvalidArgumentError(`expected SITE=MESH, not ${part.trim()}.`);
    const prefix = mesh === undefined ? sitePrefix : network(mesh);
    if (routes.has(prefix) && mesh !== undefined)
      throw new InvalidArgumentError(`${prefix} can stand for one network only.`);
    routes.add(prefix);
    if (prefix !== sitePrefix) mappings.push(mapping(prefix, sitePrefix, mappings));
  }
  return { routes: [...routes], mappings };
}

function mapping(prefix: string, sitePrefix: string, others: readonly MapRouteMapping[]): MapRouteMapping {
  const [mesh, site] = [parsePrefix(prefix) as Prefix, parsePrefix(sitePrefix) as Prefix];
  if (mesh.length !== site.length || mesh.bytes.length !== site.bytes.length)
    throw new InvalidArgumentError(`${sitePrefix} and ${prefix} are not of one size.`);
  const twice = others.find((other) => prefixesOverlap(parsePrefix(other.sitePrefix) as Prefix, site));
  if (twice !== undefined)
    throw new InvalidArgumentError(
      `${sitePrefix} overlaps ${twice.sitePrefix}, which is ${twice.prefix} already.`,
    );
  return { prefix, sitePrefix };
}

function network(text: string): string {
  const canonical = cidr(text.trim());
  if (canonical.endsWith('/0'))
    throw new InvalidArgumentError(`${canonical} is the Internet: offer it with --advertise-exit-node.`);
  if (overlapsSpecialRange(parsePrefix(canonical) as Prefix))
    throw new InvalidArgumentError(`${canonical} holds loopback, link-local or multicast addresses.`);
  return canonical;
}
