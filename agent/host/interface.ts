import { existsSync, readFileSync } from 'node:fs';
import {
  canonicalPrefix,
  formatPrefix,
  type Prefix,
  parsePrefix,
  prefixContains,
} from '../../shared/prefix.ts';
import { localAddresses } from './local-addresses.ts';
import { runCommand } from './run-command.ts';

/** How our routes are marked (rtnetlink(7), rtm_protocol), so that nobody takes them for an administrator's. */
const ROUTE_PROTOCOL = '87';
/**
 * Behind what else routes to the same network, automatic metrics of network managers (up to some 20,700) included: a network
 * that this host is connected to stays so, and comes through the mesh when the host leaves it.
 */
const ROUTE_METRIC = '32000';

/** How the tunnel's interface is to be. */
export interface WantedInterface {
  name: string;
  mtu: number;
  /** Own addresses as CIDRs: 100.64.0.1/32. */
  addresses: readonly string[];
  /** Networks behind the interface, CIDRs. */
  routes: readonly string[];
}

export interface InterfaceChanges {
  added: string[];
  removed: string[];
  /** What this host cannot have, one line each. */
  notes: string[];
}

/**
 * Brings the interface to the wanted state by the differences only: up, MTU, addresses, routes. Doing it twice changes nothing
 * the second time. What this host cannot have, IPv6 where that is off and parts of its own networks, is left out with a note.
 * An address or route that the kernel refuses does not keep the others away: all are tried, then the first refusal is thrown.
 */
export async function reconcileInterface(wanted: WantedInterface): Promise<InterfaceChanges> {
  const changes: InterfaceChanges = { added: [], removed: [], notes: [] };
  const six = hasIpv6(wanted.name);
  const usable = (cidrs: readonly string[]) => new Set(cidrs.filter((cidr) => six || !cidr.includes(':')));
  if (!six && wanted.addresses.some((cidr) => cidr.includes(':'))) {
    changes.notes.push('IPv6 is off on this host: the mesh is reached by IPv4 only');
  }
  await bringUp(wanted, six);
  await converge(usable(wanted.addresses), await actualAddresses(wanted.name), changes, (cidr, add) =>
    runCommand('ip', [
      'address',
      add ? 'replace' : 'delete',
      cidr,
      'dev',
      wanted.name,
      ...(add && cidr.includes(':') ? ['nodad'] : []),
    ]),
  );
  const routes = withoutConnected(wanted, changes.notes);
  await converge(usable(routes), await actualRoutes(wanted.name, six), changes, (cidr, add) =>
    runCommand('ip', [
      cidr.includes(':') ? '-6' : '-4',
      'route',
      add ? 'add' : 'delete',
      cidr,
      'dev',
      wanted.name,
      ...['protocol', ROUTE_PROTOCOL, 'metric', ROUTE_METRIC],
    ]),
  );
  return changes;
}

async function bringUp(wanted: WantedInterface, six: boolean): Promise<void> {
  const [link] = JSON.parse(await runCommand('ip', ['-json', 'link', 'show', 'dev', wanted.name])) as {
    flags: string[];
    mtu: number;
  }[];
  if (link?.flags.includes('UP') && link.mtu === wanted.mtu) return;
  // No link-local address, and so no router solicitations: nobody answers them in here.
  if (six) await runCommand('ip', ['link', 'set', 'dev', wanted.name, 'addrgenmode', 'none']);
  await runCommand('ip', ['link', 'set', 'dev', wanted.name, 'mtu', String(wanted.mtu), 'up']);
}

async function converge(
  wanted: ReadonlySet<string>,
  actual: ReadonlySet<string>,
  changes: InterfaceChanges,
  change: (cidr: string, add: boolean) => Promise<unknown>,
): Promise<void> {
  const refusals: unknown[] = [];
  const attempt = async (cidr: string, add: boolean) => {
    try {
      await change(cidr, add);
      changes[add ? 'added' : 'removed'].push(cidr);
    } catch (error) {
      refusals.push(error);
    }
  };
  for (const cidr of wanted) if (!actual.has(cidr)) await attempt(cidr, true);
  for (const cidr of actual) if (!wanted.has(cidr)) await attempt(cidr, false);
  if (refusals.length > 0) throw refusals[0];
}

/**
 * The wanted routes without those to a part of a network that this host is connected to: being more specific, they would take
 * that part away from it, perhaps with its router. The mesh's own range, the one that holds an own address, is judged by
 * checkConflicts.
 */
function withoutConnected(wanted: WantedInterface, notes: string[]): string[] {
  const own = wanted.addresses.map((cidr) => parsePrefix(cidr) as Prefix);
  const connected = localAddresses(wanted.name).map((local) => ({
    ...local,
    prefix: parsePrefix(local.cidr) as Prefix,
  }));
  return wanted.routes.filter((cidr) => {
    const route = parsePrefix(cidr) as Prefix;
    if (own.some((address) => prefixContains(route, address.bytes))) return true;
    const same = connected.find(({ cidr: local }) => canonicalPrefix(local) === cidr);
    // It stands behind the network's own route, for when the host leaves it.
    if (same !== undefined)
      notes.push(`${cidr} is this host's own network on ${same.interfaceName}: reached there`);
    const around = connected.find(
      ({ prefix }) => prefix.length < route.length && prefixContains(prefix, route.bytes),
    );
    if (around === undefined) return true;
    notes.push(
      `${cidr} is a part of ${formatPrefix(around.prefix)} on ${around.interfaceName} of this host: not routed`,
    );
    return false;
  });
}

async function actualAddresses(name: string): Promise<Set<string>> {
  const [entry] = JSON.parse(await runCommand('ip', ['-json', 'address', 'show', 'dev', name])) as {
    addr_info?: { local: string; prefixlen: number; scope: string }[];
  }[];
  return new Set(
    (entry?.addr_info ?? [])
      .filter((address) => address.scope !== 'link')
      .map((address) => `${address.local}/${address.prefixlen}`),
  );
}

async function actualRoutes(name: string, six: boolean): Promise<Set<string>> {
  const found = new Set<string>();
  for (const family of six ? ['-4', '-6'] : ['-4']) {
    const text = await runCommand('ip', [
      family,
      '-json',
      'route',
      'show',
      'dev',
      name,
      'protocol',
      ROUTE_PROTOCOL,
    ]);
    for (const { dst } of JSON.parse(text || '[]') as { dst: string }[]) {
      const cidr = dst === 'default' ? (family === '-4' ? '0.0.0.0/0' : '::/0') : canonicalPrefix(dst);
      if (cidr !== null) found.add(cidr);
    }
  }
  return found;
}

/** Whether an interface may have IPv6. */
export function hasIpv6(name: string): boolean {
  const setting = `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
  return existsSync(setting) && readFileSync(setting, 'utf8').trim() === '0';
}
