import { formatPrefix, type Prefix, parsePrefix, prefixContains } from '../../shared/prefix.ts';
import { localAddresses } from './local-addresses.ts';
import { runCommand } from './run-command.ts';

/** Of private use, so that nobody's network is taken for local by what its router says of its size (RFC 1918, 3927, 4193). */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7'].map(
  (cidr) => parsePrefix(cidr) as Prefix,
);

/** The private networks that this host is connected to, CIDRs, without those of some interfaces. */
export function privateNetworks(tunnel: string, except: ReadonlySet<string>): string[] {
  const found = localAddresses(tunnel)
    .filter(({ interfaceName }) => !except.has(interfaceName))
    .map(({ cidr }) => parsePrefix(cidr) as Prefix)
    .filter(({ bytes, length }) =>
      PRIVATE.some((around) => around.length <= length && prefixContains(around, bytes)),
    );
  return canonical(found);
}

/** All networks that this host is connected to by other interfaces than the tunnel's, CIDRs. */
export function connectedNetworks(tunnel: string): string[] {
  return canonical(localAddresses(tunnel).map(({ cidr }) => parsePrefix(cidr) as Prefix));
}

/** The networks of these interfaces, CIDRs. */
export function networksOf(names: ReadonlySet<string>): string[] {
  const all = localAddresses('').filter(({ interfaceName }) => names.has(interfaceName));
  return canonical(all.map(({ cidr }) => parsePrefix(cidr) as Prefix));
}

/** As `ip -json -details link` tells it. */
interface Link {
  ifname: string;
  /** The bridge that it is a port of. */
  master?: string;
  linkinfo?: { info_kind?: string };
}

/** Bridges of this host by name. Inner ones lead to its containers and virtual machines and nowhere else. */
export interface HostBridges {
  all: string[];
  inner: string[];
}

/** A bridge is an inner one where all of its ports are virtual cables, and no default route goes by it. */
export async function hostBridges(): Promise<HostBridges> {
  const links = JSON.parse(await runCommand('ip', ['-json', '-details', 'link', 'show'])) as Link[];
  const uplinks = new Set<string>();
  for (const family of ['-4', '-6']) {
    const text = await runCommand('ip', [family, '-json', 'route', 'show', 'default']).catch(() => '');
    for (const { dev } of JSON.parse(text || '[]') as { dev?: string }[])
      if (dev !== undefined) uplinks.add(dev);
  }
  const leadsOut = ({ linkinfo }: Link) => linkinfo?.info_kind !== 'veth' && linkinfo?.info_kind !== 'tun';
  const all = links.filter(({ linkinfo }) => linkinfo?.info_kind === 'bridge').map(({ ifname }) => ifname);
  const inner = all.filter(
    (name) => !uplinks.has(name) && !links.some((port) => port.master === name && leadsOut(port)),
  );
  return { all: all.sort(), inner: inner.sort() };
}

function canonical(prefixes: readonly Prefix[]): string[] {
  // A network within another says nothing new, and a set of nftables holds no overlaps.
  const texts = new Map(prefixes.map((prefix) => [`${prefix.bytes.join('.')}/${prefix.length}`, prefix]));
  const all = [...texts.values()];
  return all
    .filter((one) => !all.some((other) => other.length < one.length && prefixContains(other, one.bytes)))
    .map(formatPrefix)
    .sort();
}
