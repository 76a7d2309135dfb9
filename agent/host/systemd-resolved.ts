import { existsSync, readFileSync } from 'node:fs';
import { parseResolvConf } from './resolv-conf.ts';
import { runCommand } from './run-command.ts';

/** Where systemd-resolved's own stub answers (systemd-resolved.service(8)). */
const STUBS = ['127.0.0.53', '127.0.0.54'];
/** The resolvers that it has learned, for programs that want to ask them themselves. */
const UPLINKS = '/run/systemd/resolve/resolv.conf';

/** What the tunnel's interface is to answer for. */
export interface LinkNames {
  address: string;
  /** Short names are looked up in it too. */
  zone: string;
  /** Others that are answered there: reverse zones, split domains. */
  domains: readonly string[];
  /** Whether all names are asked there. */
  isDefault: boolean;
}

/** Whether this host's programs ask systemd-resolved: only its stub stands in their resolv.conf. */
export function asksResolved(resolvConf: string): boolean {
  const { nameservers } = parseResolvConf(resolvConf);
  return nameservers.length > 0 && nameservers.every((address) => STUBS.includes(address));
}

/** The resolvers behind systemd-resolved. */
export function resolvedUplinks(path = UPLINKS): string[] {
  if (!existsSync(path)) return [];
  return parseResolvConf(readFileSync(path, 'utf8')).nameservers.filter(
    (address) => !STUBS.includes(address),
  );
}

/**
 * Has systemd-resolved ask `address` for the mesh's names, over D-Bus by resolvectl(1). It belongs to the interface: when that is gone,
 * after a crash too, so is this.
 */
export async function setLinkNames(interfaceName: string, names: LinkNames): Promise<void> {
  const { address, zone, domains, isDefault } = names;
  const set = (verb: string, ...values: string[]) =>
    runCommand('resolvectl', [verb, interfaceName, ...values]);
  await set('dns', address);
  await set('domain', zone, ...domains.map((domain) => `~${domain}`), ...(isDefault ? ['~.'] : []));
  await set('default-route', isDefault ? 'yes' : 'no');
  // The mesh's own zone is not signed, and nobody listens for multicast names or TLS in it.
  await set('dnssec', 'no');
  await set('dnsovertls', 'no');
  await set('llmnr', 'no');
  await set('mdns', 'no');
}

export async function revertLink(interfaceName: string): Promise<void> {
  await runCommand('resolvectl', ['revert', interfaceName]);
}
