import { WarrenError } from '../../shared/errors.ts';
import { type Prefix, parsePrefix, prefixesOverlap } from '../../shared/prefix.ts';
import { localAddresses } from './local-addresses.ts';
import { runCommand } from './run-command.ts';

/**
 * Throws `conflict` when an overlay range overlaps a network that this host is connected or routed to by another interface:
 * one of the two would be cut off. A default route is no conflict.
 */
export async function checkConflicts(ranges: readonly string[], interfaceName: string): Promise<void> {
  const wanted = ranges.map((text) => ({ text, prefix: parsePrefix(text) as Prefix }));
  for (const local of localAddresses(interfaceName)) refuseOverlap(wanted, local.cidr, local.interfaceName);
  for (const family of ['-4', '-6']) {
    const routes = JSON.parse((await runCommand('ip', [family, '-json', 'route', 'show'])) || '[]') as {
      dst: string;
      dev?: string;
    }[];
    for (const route of routes) {
      if (route.dst !== 'default' && route.dev !== undefined && route.dev !== interfaceName) {
        refuseOverlap(wanted, route.dst, route.dev);
      }
    }
  }
}

function refuseOverlap(
  wanted: readonly { text: string; prefix: Prefix }[],
  cidr: string,
  interfaceName: string,
): void {
  const theirs = parsePrefix(cidr);
  if (theirs === null || theirs.length === 0) return;
  const hit = wanted.find(({ prefix }) => prefixesOverlap(prefix, theirs));
  if (hit === undefined) return;
  throw new WarrenError(
    'conflict',
    `the mesh uses ${hit.text}, which overlaps ${cidr} on ${interfaceName} of this host`,
    { hint: 'give the mesh another range (coordinator serve --network), or renumber that network' },
  );
}
