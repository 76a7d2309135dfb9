import { existsSync } from 'node:fs';
import { WarrenError } from '../../shared/errors.ts';
import { type Prefix, parsePrefix, prefixesOverlap } from '../../shared/prefix.ts';
import { localAddresses } from './local-addresses.ts';
import { runCommand } from './run-command.ts';

/**
 * Throws `conflict` when an overlay range overlaps a network that this host is connected or routed to by another interface:
 * one of the two would be cut off. A default route is no conflict, in two halves (as VPNs lay it) neither; nor is one that
 * refuses packets (unreachable fc00::/7), for the mesh's own is more specific.
 */
export async function checkConflicts(ranges: readonly string[], interfaceName: string): Promise<void> {
  const wanted = ranges.map((text) => ({ text, prefix: parsePrefix(text) as Prefix }));
  for (const local of localAddresses(interfaceName)) refuseOverlap(wanted, local.cidr, local.interfaceName);
  for (const family of existsSync('/proc/net/if_inet6') ? ['-4', '-6'] : ['-4']) {
    const routes = JSON.parse(
      (await runCommand('ip', [family, '-json', 'route', 'show'])) || '[]',
    ) as Route[];
    for (const route of routes) {
      const device = route.dev ?? route.nexthops?.find((hop) => hop.dev !== undefined)?.dev;
      if ((route.type ?? 'unicast') !== 'unicast' || device === undefined || device === interfaceName)
        continue;
      refuseOverlap(wanted, route.dst, device);
    }
  }
}

/** As `ip -json route` tells it; a route over several next hops names its devices there. */
interface Route {
  /** Absent for ordinary ones. */
  type?: string;
  /** A CIDR, a bare address, or `default`. */
  dst: string;
  dev?: string;
  nexthops?: { dev?: string }[];
}

function refuseOverlap(
  wanted: readonly { text: string; prefix: Prefix }[],
  cidr: string,
  interfaceName: string,
): void {
  const theirs = parsePrefix(cidr);
  if (theirs === null || theirs.length <= 1) return;
  const hit = wanted.find(({ prefix }) => prefixesOverlap(prefix, theirs));
  if (hit === undefined) return;
  throw new WarrenError(
    'conflict',
    `the mesh uses ${hit.text}, which overlaps ${cidr} on ${interfaceName} of this host`,
    { hint: 'give the mesh another range (coordinator serve --network), or renumber that network' },
  );
}
