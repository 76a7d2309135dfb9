import { EVERYTHING } from './exit-node.ts';
import { OUTSIDE_MARK, OUTSIDE_MASK, type OutsideFlow } from './outside-flows.ts';

/** What the routing of a host with an exit node follows. */
export interface WantedExitRouting {
  /** The tunnel's. */
  interfaceName: string;
  /** Whether an exit carries now; else the Internet is unreachable. */
  isOpen: boolean;
  /** What the mesh has beside the Internet, CIDRs. */
  mesh: readonly string[];
  /** What this host reaches by itself, CIDRs: local networks that are kept, networks that it carries for the mesh. */
  local: readonly string[];
  flows: readonly OutsideFlow[];
}

/** A table of its own, below `main`, whose rules stand before it. 87 marks what is ours (rtm_protocol, fra_protocol). */
export const EXIT_TABLE = 8787;
const PROTOCOL = ['protocol', '87'];
/** In this order: what is outside goes past the exit's table to `main`, all else gets no further than that table. */
export const RULE_PRIORITIES = { outside: 8710, exit: 8750, main: 8780, end: 8781 } as const;
/** Behind whatever a route of the same prefix has: RTNL's largest but for the kernel's own. */
const LAST_METRIC = '4278198272';

/**
 * Rules of one family, as arguments of `ip rule add` in the order in which they are to be set: the one that leads everything into
 * the exit's table is the last. Rules and not marks alone, for they count when a socket chooses its source address.
 */
export function exitRules({ flows }: WantedExitRouting, family: 4 | 6): string[][] {
  const { outside, exit, main, end } = RULE_PRIORITIES;
  const past = ['goto', String(main), ...PROTOCOL];
  return [
    ['priority', String(end), 'unreachable', ...PROTOCOL],
    ['priority', String(main), 'lookup', 'main', ...PROTOCOL],
    ['priority', String(outside), 'fwmark', `${OUTSIDE_MARK}/${OUTSIDE_MASK}`, ...past],
    ...flows
      .filter((flow) => flow.family === null || flow.family === family)
      .map((flow) => ['priority', String(outside), ...selectors(flow), ...past]),
    ['priority', String(exit), 'lookup', String(EXIT_TABLE), ...PROTOCOL],
  ];
}

function selectors({ protocol, user, sourcePort, destination, firstPort, lastPort }: OutsideFlow): string[] {
  const port = lastPort === undefined ? firstPort : `${firstPort}-${lastPort}`;
  return [
    ...(destination === undefined ? [] : ['to', destination]),
    ...['ipproto', protocol],
    ...(sourcePort === undefined ? [] : ['sport', String(sourcePort)]),
    ...(port === undefined ? [] : ['dport', String(port)]),
    ...(user === null ? [] : ['uidrange', `${user}-${user}`]),
  ];
}

/**
 * Routes of one family in the exit's table, as arguments of `ip route add`. What is local goes on to `main` (`throw`). A tunnel
 * that is gone takes its routes along, and what is left refuses: nothing falls through to another table.
 */
export function exitRoutes(wanted: WantedExitRouting, family: 4 | 6): string[][] {
  const of = (cidrs: readonly string[]) => cidrs.filter((cidr) => cidr.includes(':') === (family === 6));
  // A route that somebody adds by his gateway is not to find that in here (fib_check_nh looks for scope link): it would be none.
  const scope = family === 4 ? ['scope', 'global'] : [];
  const table = ['table', String(EXIT_TABLE), ...PROTOCOL];
  const local = new Set([...of(wanted.local), ...(family === 6 ? ['fe80::/10'] : [])]);
  const tunnel = [
    ...of(wanted.mesh).filter((cidr) => !local.has(cidr)),
    ...(wanted.isOpen ? of(EVERYTHING) : []),
  ];
  return [
    ['unreachable', 'default', 'metric', LAST_METRIC, ...table],
    ...[...local].map((cidr) => ['throw', cidr, ...table]),
    ...tunnel.map((cidr) => [cidr, 'dev', wanted.interfaceName, ...scope, ...table]),
  ];
}
