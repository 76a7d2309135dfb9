/** Name servers and /etc/resolv.conf of test hosts. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, TestHost } from './netns.ts';
import type { Child } from './process.ts';

const NETNS = '/etc/netns';

/**
 * Gives a host an /etc/resolv.conf of its own, before the first program runs in it (ip-netns(8)). Programs in the host see it mounted
 * by itself, as in a container. Returns how to read and to write it, as its DHCP client would.
 */
export function resolvConf(
  lab: Lab,
  host: TestHost,
  text: string,
): { read(): string; write(text: string): void } {
  const folder = join(NETNS, host.namespace);
  mkdirSync(folder, { recursive: true });
  lab.removesAtEnd(folder);
  const path = join(folder, 'resolv.conf');
  writeFileSync(path, text);
  return { read: () => readFileSync(path, 'utf8'), write: (next) => writeFileSync(path, next) };
}

/** Removes the folder that `resolvConf` may have made, when no host is left in it. */
export function removeNetnsFolder(): void {
  try {
    if (existsSync(NETNS)) rmdirSync(NETNS);
  } catch {
    // Another test's hosts are still there.
  }
}

/** A dnsmasq that knows these names and no other: `NAME/ADDRESS`; for other flags see dnsmasq(8). */
export async function nameServer(
  host: TestHost,
  address: string,
  names: readonly string[],
  ...flags: string[]
): Promise<Child> {
  const child = host.spawn('dnsmasq', [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--pid-file=',
    '--no-resolv',
    '--no-hosts',
    // There is nothing else below it: NXDOMAIN, where it would refuse.
    '--local=/example/',
    '--bind-interfaces',
    `--listen-address=${address}`,
    '--except-interface=lo',
    '--user=root',
    '--log-facility=-',
    ...names.map((name) => `--address=/${name}`),
    ...flags,
  ]);
  await child.waitForOutput(/started, version/);
  return child;
}
