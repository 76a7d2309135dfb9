import { NOT_PUBLIC4, PUBLIC6 } from '../../../shared/internet.ts';
import { type Prefix, parsePrefix } from '../../../shared/prefix.ts';
import { disjoint, without } from './prefix-set.ts';

/**
 * What an exit node carries: public addresses without the overlay itself. A host's own network is not among them, and is
 * reached only as a subnet route.
 */
export function internet(overlay: readonly Prefix[]): Prefix[] {
  const parsed = (texts: readonly string[]) => texts.map((text) => parsePrefix(text) as Prefix);
  const ipv4 = without(parsed(['0.0.0.0/0']), [...parsed(NOT_PUBLIC4), ...overlay]);
  return disjoint([...ipv4, ...without(parsed(PUBLIC6), overlay)]);
}
