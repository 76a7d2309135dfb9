/** DHCP in test hosts: a server that hands out routes, and a client that sets them. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, TestHost } from './netns.ts';
import type { Child } from './process.ts';

/** What udhcpc runs with a lease: it leaves addresses alone, and adds the classless routes (option 121, RFC 3442). */
const ADD_ROUTES = `#!/bin/sh
[ "$1" = bound ] || exit 0
set -- $staticroutes
while [ $# -gt 1 ]; do ip route add "$1" via "$2" dev "$interface"; shift 2; done
`;

/** A dnsmasq at the address .1 of a /24, which leads these prefixes to itself. */
export async function dhcpServer(
  lab: Lab,
  host: TestHost,
  network: string,
  routes: readonly string[],
): Promise<Child> {
  const own = `${network}.1`;
  const server = host.spawn('dnsmasq', [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--pid-file=',
    '--port=0',
    '--user=root',
    '--log-facility=-',
    '--bind-interfaces',
    `--listen-address=${own}`,
    `--dhcp-leasefile=${join(lab.directory('dhcp'), 'leases')}`,
    `--dhcp-range=${network}.50,${network}.60,1h`,
    '--no-ping',
    `--dhcp-option=121,${routes.map((route) => `${route},${own}`).join(',')}`,
  ]);
  await server.waitForOutput(/DHCP, IP range/);
  return server;
}

/** Asks on eth0 for a lease, and sets the routes that come with it. */
export async function takeRoutes(lab: Lab, host: TestHost): Promise<void> {
  const script = join(lab.directory('udhcpc'), 'script');
  writeFileSync(script, ADD_ROUTES);
  chmodSync(script, 0o700);
  await host.runOk('udhcpc', [
    ...['-i', 'eth0', '-n', '-q', '-f', '-t', '20', '-T', '1'],
    ...['-O', 'staticroutes', '-s', script],
  ]);
}
