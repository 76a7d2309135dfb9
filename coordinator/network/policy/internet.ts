import { type Prefix, parsePrefix } from '../../../shared/prefix.ts';
import { disjoint, without } from './prefix-set.ts';

/** Blocks that are not the Internet, though they may be reachable from an exit node (RFC 6890 and its registries). */
const NOT_PUBLIC4 = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private (RFC 1918)
  '100.64.0.0/10', // shared by carriers (RFC 6598)
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local
  '172.16.0.0/12', // private
  '192.168.0.0/16', // private
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
];

/** Global unicast as far as it is allotted (RFC 4291 2.4, IANA). */
const PUBLIC6 = ['2000::/3'];

/**
 * What an exit node carries: public addresses without the overlay itself. A host's own network is not among them, and is
 * reached only as a subnet route.
 */
export function internet(overlay: readonly Prefix[]): Prefix[] {
  const parsed = (texts: readonly string[]) => texts.map((text) => parsePrefix(text) as Prefix);
  const ipv4 = without(parsed(['0.0.0.0/0']), [...parsed(NOT_PUBLIC4), ...overlay]);
  return disjoint([...ipv4, ...without(parsed(PUBLIC6), overlay)]);
}
