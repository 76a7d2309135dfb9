import { NOT_PUBLIC4, PUBLIC6 } from '../../shared/internet.ts';
import type { MapRouteMapping, NetworkMap } from './network-map.ts';

/** What a host carries between the mesh and other networks. */
export interface WantedForwarding {
  /** The tunnel's. */
  interfaceName: string;
  /** The overlay's ranges, CIDRs. */
  overlay: readonly string[];
  /** Networks behind this host that the mesh may reach, as it has them, CIDRs. */
  routes: readonly string[];
  /** Those of them that stand for another network here. */
  mappings: readonly MapRouteMapping[];
  /** Whether the mesh reaches the Internet by this host. */
  isExit: boolean;
  /** Networks that this host is connected to, CIDRs: of an exit none of the mesh's business, but for those among `routes`. */
  connected: readonly string[];
  /** Networks of other sites that come by the mesh, CIDRs: their hosts may send here too. */
  elsewhere: readonly string[];
  /** Whether hosts behind this one may begin flows to other sites. */
  siteToSite: boolean;
  /** Bridges of this host, and those of them that lead to its containers and virtual machines alone. */
  bridges: { readonly all: readonly string[]; readonly inner: readonly string[] };
  /** Whether packets to those networks get an address of this host as their source, so that answers find back by themselves. */
  translatesSources: boolean;
}

/** Before anything of it stood, for a successor of a killed agent: what `net.ipv4.ip_forward` and its IPv6 pendant were. */
export interface ForwardingBefore {
  four: string;
  six: string;
}

/** Told to whoever sent it, so that nobody waits. */
const REFUSED = 'counter name beyond reject with icmpx type admin-prohibited';
/** A chain without rules, whose name keeps that. */
const WAS = /chain forwarding_was_(\d)_(\d)/;

export function forwardingTable(interfaceName: string): string {
  return `inet warren-forward-${interfaceName}`;
}

export function withoutForwarding(interfaceName: string): string {
  const table = forwardingTable(interfaceName);
  return `table ${table}\ndelete table ${table}\n`;
}

/** What the table, as nft lists it, says of before; null for another text. */
export function forwardingBefore(listed: string): ForwardingBefore | null {
  const [, four, six] = WAS.exec(listed) ?? [];
  return four === undefined || six === undefined ? null : { four, six };
}

/** Networks behind a host that were approved, as they are there. */
export function siteNetworks({
  approvedRoutes,
  mappings,
}: Pick<NetworkMap['self'], 'approvedRoutes' | 'mappings'>): string[] {
  const sites = new Map(mappings.map(({ prefix, sitePrefix }) => [prefix, sitePrefix]));
  return approvedRoutes.map((cidr) => sites.get(cidr) ?? cidr);
}

/**
 * The nftables script of a subnet router or exit node. An exit always translates: nobody on the Internet knows a way back to the
 * overlay. TCP is told of the smaller of both MTUs, for many a network loses the ICMP that would tell it.
 */
export function forwardingRules(wanted: WantedForwarding, before: ForwardingBefore): string {
  const { interfaceName, overlay, mappings, isExit, translatesSources, elsewhere, siteToSite } = wanted;
  // Sources are translated after destinations.
  const routes = siteNetworks({ approvedRoutes: [...wanted.routes], mappings: [...mappings] });
  const translations = (['ip', 'ip6'] as const).flatMap((ip) => {
    const of = (cidrs: readonly string[]) => cidrs.filter((cidr) => cidr.includes(':') === (ip === 'ip6'));
    const behind = of(routes);
    const toRoutes = (source: string) =>
      translatesSources && behind.length > 0
        ? [
            `    oifname != "${interfaceName}" ${ip} saddr ${source} ${ip} daddr { ${behind.join(', ')} } masquerade\n`,
          ]
        : [];
    return [
      ...of(overlay).flatMap((own) =>
        isExit
          ? [`    oifname != "${interfaceName}" ${ip} saddr ${own} ${ip} daddr != ${own} masquerade\n`]
          : toRoutes(own),
      ),
      ...of(elsewhere).flatMap(toRoutes),
    ];
  });
  return `${withoutForwarding(interfaceName)}table ${forwardingTable(interfaceName)} {
  chain forwarding_was_${before.four}_${before.six} { }
  chain translated {
    type nat hook postrouting priority srcnat; policy accept;
${translations.join('')}  }
${carried(wanted, routes)}${between(wanted, before)}${mapped(interfaceName, mappings)}${siteToSite ? mappedSources(interfaceName, mappings) : ''}  chain clamped {
    type filter hook forward priority mangle; policy accept;
    oifname "${interfaceName}" tcp flags syn tcp option maxseg size set rt mtu
    iifname "${interfaceName}" tcp flags syn tcp option maxseg size set rt mtu
  }
}
`;
}

/**
 * Where what comes by the mesh may go from here: networks that were approved, and from an exit the Internet. A policy says more of it,
 * but there need not be one. What this host itself translates the destination of is its own affair: mapped networks, and
 * ports of containers.
 */
function carried({ interfaceName, isExit, connected }: WantedForwarding, routes: readonly string[]): string {
  const to = (cidr: string) => `${cidr.includes(':') ? 'ip6' : 'ip'} daddr ${cidr}`;
  const lines = [
    ...routes.map((cidr) => `${to(cidr)} accept`),
    ...(isExit ? [...NOT_PUBLIC4, ...connected].map((cidr) => `${to(cidr)} ${REFUSED}`) : []),
    ...(isExit ? ['meta nfproto ipv4 accept', ...PUBLIC6.map((cidr) => `${to(cidr)} accept`)] : []),
  ];
  return `  counter beyond { }
  chain carried {
    type filter hook forward priority filter; policy accept;
    iifname != "${interfaceName}" accept
    oifname "${interfaceName}" accept
    ct status dnat accept
${lines.map((line) => `    ${line}\n`).join('')}    ${REFUSED}
  }
`;
}

/**
 * What this host did not forward before, it does not forward now but for the mesh: the kernel's switch is for all interfaces, and
 * whoever is on one network of this host could else reach another through it. Containers and virtual machines are for whoever made
 * their bridge, and has taken for granted that it was switched on. Within a bridge there is nothing to forward, but with
 * br_netfilter packets pass here.
 */
function between({ interfaceName, bridges }: WantedForwarding, { four, six }: ForwardingBefore): string {
  const closed = [...(four === '0' ? ['ipv4'] : []), ...(six === '0' ? ['ipv6'] : [])];
  if (closed.length === 0) return '';
  const inner = bridges.inner.map((name) => `"${name}"`).join(', ');
  const lines = [
    `iifname "${interfaceName}" accept`,
    `oifname "${interfaceName}" accept`,
    ...(inner === '' ? [] : [`iifname { ${inner} } accept`, `oifname { ${inner} } accept`]),
    ...bridges.all
      .filter((name) => !bridges.inner.includes(name))
      .map((name) => `iifname "${name}" oifname "${name}" accept`),
    ...closed.map((family) => `meta nfproto ${family} counter name between drop`),
  ];
  return `  counter between { }
  chain between {
    type filter hook forward priority filter; policy accept;
${lines.map((line) => `    ${line}\n`).join('')}  }
`;
}

/**
 * Address by address into the site's network, of what comes by the mesh and of what this host itself sends there; answers are
 * translated back with their flow. It happens after the policy has judged the addresses that the mesh knows.
 */
function mapped(interfaceName: string, mappings: readonly MapRouteMapping[]): string {
  if (mappings.length === 0) return '';
  const rules = (match: string) =>
    mappings
      .map(({ prefix, sitePrefix }) => {
        const ip = prefix.includes(':') ? 'ip6' : 'ip';
        return `    ${match}${ip} daddr ${prefix} dnat ${ip} prefix to ${sitePrefix}\n`;
      })
      .join('');
  return `  chain mapped {
    type nat hook prerouting priority dstnat; policy accept;
${rules(`iifname "${interfaceName}" `)}  }
  chain mapped_own {
    type nat hook output priority -100; policy accept;
${rules('')}  }
`;
}

/** Hosts behind this one are known to other sites by the mesh's prefix. */
function mappedSources(interfaceName: string, mappings: readonly MapRouteMapping[]): string {
  if (mappings.length === 0) return '';
  const rules = mappings.map(({ prefix, sitePrefix }) => {
    const ip = prefix.includes(':') ? 'ip6' : 'ip';
    return `    oifname "${interfaceName}" ${ip} saddr ${sitePrefix} snat ${ip} prefix to ${prefix}\n`;
  });
  return `  chain mapped_sources {
    type nat hook postrouting priority srcnat; policy accept;
${rules.join('')}  }
`;
}
