import { formatIp } from '../../shared/ip.ts';
import type { MapFilter } from './network-map.ts';
import { type SourceClass, sourceClasses } from './source-classes.ts';
import type { Transit } from './transit.ts';
import { type TransitRules, transitRules } from './transit-rules.ts';

/** What the firewall of a host follows. */
export interface WantedFirewall {
  /** The tunnel's. */
  interfaceName: string;
  /** The agent's UDP port. */
  listenPort: number;
  /** The overlay's ranges, CIDRs. */
  overlay: readonly string[];
  /** What may come in from the mesh; undefined for everything. */
  filter: MapFilter | undefined;
  /** Whether this host carries packets between the mesh and other networks. */
  carries: boolean;
  /** Networks behind this host whose hosts may begin flows to networks of other sites, as they are here, CIDRs. */
  sites: readonly string[];
  /** Whether broadcasts and multicasts come in from who may send anything here. */
  multicast: boolean;
  /** UDP ports of the mesh's own that other rules guard. */
  openPorts: readonly number[];
  /** Containers of a host that uses an exit node: they reach the Internet by it as well, and nothing of `mesh`. Absent without one. */
  containers?: { bridges: readonly string[]; mesh: readonly string[] };
  /** Null for a host that is no device's gateway. */
  transit: Transit | null;
  /** Addresses of plain WireGuard devices that are peers of this host, host prefixes. */
  devices: readonly string[];
}

/** What a counter of nftables has counted. */
export interface Count {
  packets: number;
  bytes: number;
}

/** Counters by their names. */
export type Counts = ReadonlyMap<string, Count>;
const NOTHING: Counts = new Map();

type Rule = MapFilter['rules'][number];

/** One rule of nftables. */
interface Line {
  match: string;
  verdict: string;
}

/** Names of nftables for what differs between the families. */
const FAMILIES = [
  { family: 4, ip: 'ip', type: 'ipv4_addr', groups: ['224.0.0.0/4', '255.255.255.255'] },
  { family: 6, ip: 'ip6', type: 'ipv6_addr', groups: ['ff00::/8'] },
] as const;
type Family = (typeof FAMILIES)[number];

/** Protocols with ports (IANA): TCP, DCCP, UDP, SCTP, UDP-Lite. */
const WITH_PORTS = '{ 6, 33, 17, 132, 136 }';
/** IPv6 extension headers (RFC 8200 4.1; RFC 4302; RFC 6275; RFC 7401; RFC 5533): what stands behind them is not looked at. */
const EXTENSION_HEADERS = '{ 0, 43, 44, 51, 60, 135, 139, 140 }';
/** IPv4 and IPv6 within IP. */
const IP_IN_IP = '{ 4, 41 }';

/** The table's name, and the script that takes it away, whether it is there or not. */
export function firewallTable(interfaceName: string): string {
  return `inet warren-${interfaceName}`;
}
export function withoutFirewall(interfaceName: string): string {
  const table = firewallTable(interfaceName);
  return `table ${table}\ndelete table ${table}\n`;
}

/** The counter of a rule, by its position in the filter. */
export function ruleCounter(position: number): string {
  return `rule_${position}`;
}

/** Of what the policy denies. */
export const DENIED_COUNTER = 'denied';
/** Of packets that brought an overlay address along by another way than the tunnel. */
export const FOREIGN_COUNTER = 'foreign';
/** Of packets that somebody outside had sent into the mesh unasked. */
export const UNASKED_COUNTER = 'unasked';

/**
 * Which counts of a table go on in the next one: those of the borders, and of rules that grant the same by the same place of the
 * policy. Their sources may be others, as when nodes come and go.
 */
export function keptCounts(
  counts: Counts,
  before: MapFilter | undefined,
  after: MapFilter | undefined,
): Counts {
  const kept = new Map<string, Count>();
  for (const name of [FOREIGN_COUNTER, UNASKED_COUNTER, ...(after === undefined ? [] : [DENIED_COUNTER])]) {
    const count = counts.get(name);
    if (count !== undefined) kept.set(name, count);
  }
  const known = new Map(
    (before?.rules ?? []).map((rule, position) => [grantOf(rule), ruleCounter(position)]),
  );
  for (const [position, rule] of (after?.rules ?? []).entries()) {
    const count = counts.get(known.get(grantOf(rule)) ?? '');
    if (count !== undefined) kept.set(ruleCounter(position), count);
  }
  return kept;
}

function grantOf({ id, destinations, services }: Rule): string {
  return JSON.stringify([id, destinations, services]);
}

/**
 * The firewall of a host as a script for nft(8), which replaces the table in one transaction. `counts` is what its counters begin
 * with.
 *
 * What comes in from the mesh is judged as the mesh has its addresses, before they are translated. Who began a flow is judged by the
 * rules for every packet, and answers are, as they leave, by the rule that lets the other way in: so a rule that is gone ends
 * flows that stand as well. The source alone decides by one look which rules there are to ask.
 */
export function firewallRules(wanted: WantedFirewall, counts: Counts = NOTHING): string {
  const { interfaceName, filter } = wanted;
  const transit = transitRules(wanted.transit, interfaceName, wanted.carries);
  const parts = [borders(wanted, counts, transit)];
  if (filter !== undefined) parts.push(...policyOf(wanted, filter, counts, transit));
  return `${withoutFirewall(interfaceName)}table ${firewallTable(interfaceName)} {\n${parts.join('\n')}}\n`;
}

/** What holds with any policy and with none: the overlay's addresses are of the mesh alone, and it is entered by its members. */
function borders(
  { interfaceName, listenPort, overlay, carries, sites, containers }: WantedFirewall,
  counts: Counts,
  transit: TransitRules,
): string {
  const ranges = (ip: Family['ip']) => overlay.filter((cidr) => cidr.includes(':') === (ip === 'ip6'));
  const drops = (direction: 'saddr' | 'daddr') =>
    FAMILIES.flatMap(({ ip }) =>
      ranges(ip).map((cidr) => `    ${ip} ${direction} ${cidr} counter name foreign drop\n`),
    ).join('');
  // Of one that carries, answers come from networks behind it, perhaps with the source that it let through.
  const answers = carries ? '    ct state established,related accept\n' : '';
  return `${counter(FOREIGN_COUNTER, counts)}${counter(UNASKED_COUNTER, counts)}  chain sources {
    type filter hook prerouting priority raw; policy accept;
    iifname { "lo", "${interfaceName}" } accept
${drops('saddr')}  }
  chain destinations {
    type filter hook prerouting priority mangle; policy accept;
    iifname { "lo", "${interfaceName}" } accept
${answers}${drops('daddr')}  }
  chain forwarded {
    type filter hook forward priority filter; policy accept;
${indented(transit.forwarded)}    oifname != "${interfaceName}" accept
${answers}${outward(containers, interfaceName)}${fromSites(sites, interfaceName)}    counter name unasked drop
  }
  chain own {
    type filter hook output priority filter; policy accept;
    oifname "${interfaceName}" udp sport ${listenPort} drop
${indented(transit.own)}  }
`;
}

function outward(containers: WantedFirewall['containers'], interfaceName: string): string {
  if (containers === undefined || containers.bridges.length === 0) return '';
  const from = `iifname { ${containers.bridges.map((name) => `"${name}"`).join(', ')} } oifname "${interfaceName}"`;
  const kept = containers.mesh.map((cidr) => `${cidr.includes(':') ? 'ip6' : 'ip'} daddr ${cidr}`);
  return indented([...kept.map((match) => `${from} ${match} counter name unasked drop`), `${from} accept`]);
}

/** To members of the mesh they cannot: what is sent to the overlay from outside is dropped before (chain destinations). */
function fromSites(sites: readonly string[], interfaceName: string): string {
  const way = `iifname != "${interfaceName}" oifname "${interfaceName}"`;
  return indented(sites.map((cidr) => `${way} ${cidr.includes(':') ? 'ip6' : 'ip'} saddr ${cidr} accept`));
}

function policyOf(
  wanted: WantedFirewall,
  filter: MapFilter,
  counts: Counts,
  transit: TransitRules,
): string[] {
  const { interfaceName, multicast, openPorts } = wanted;
  const sources = filter.rules.map((rule) => rule.sources);
  const parts = filter.rules.map((_, position) => counter(ruleCounter(position), counts));
  for (const family of FAMILIES) {
    const classes = sourceClasses(sources, family.family);
    const chains = new Map<string, string>();
    for (const { rules } of classes) {
      const key = rules.join();
      if (chains.has(key)) continue;
      const name = `${family.ip}_${chains.size}`;
      chains.set(key, name);
      parts.push(
        chain(`in_${name}`, [
          ...rules.flatMap((position) => granted(filter.rules[position] as Rule, position, family, 'in')),
          ...(multicast
            ? family.groups.map((group) => ({ match: `${family.ip} daddr ${group}`, verdict: 'accept' }))
            : []),
        ]),
      );
      parts.push(
        chain(
          `out_${name}`,
          rules.flatMap((position) => granted(filter.rules[position] as Rule, position, family, 'out')),
        ),
      );
    }
    for (const way of ['in', 'out'] as const) parts.push(verdicts(way, family, classes, chains));
  }
  const open = openPorts.length === 0 ? '' : `    udp dport { ${openPorts.join(', ')} } accept\n`;
  parts.push(guardOf(wanted.devices, interfaceName));
  parts.push(`${transit.chains}${counter(DENIED_COUNTER, counts)}  chain incoming {
    type filter hook prerouting priority mangle; policy accept;
    iifname != "${interfaceName}" accept
    meta l4proto ${IP_IN_IP} counter name denied drop
    ip6 nexthdr ${EXTENSION_HEADERS} counter name denied drop
    ip frag-off & 0x3fff != 0 counter name denied drop
    ct state established ct direction reply accept
    ct state related meta l4proto { icmp, icmpv6 } accept
${open}${indented(transit.incoming)}    ip saddr vmap @in_ip
    ip6 saddr vmap @in_ip6
    counter name denied drop
  }
  chain answers {
    type filter hook postrouting priority srcnat + 10; policy accept;
    oifname != "${interfaceName}" accept
    ct direction reply goto judged
  }
  chain judged {
    ct state related meta l4proto { icmp, icmpv6 } accept
${indented(transit.answers)}    ip daddr vmap @out_ip
    ip6 daddr vmap @out_ip6
    counter name denied drop
  }
`);
  return parts;
}

function counter(name: string, counts: Counts): string {
  const count = counts.get(name);
  return `  counter ${name} { ${count === undefined ? '' : `packets ${count.packets} bytes ${count.bytes} `}}\n`;
}

/** What one rule lets in from its sources, or the answers that it lets out. */
function granted(rule: Rule, position: number, { family, ip }: Family, way: 'in' | 'out'): Line[] {
  const own = rule.destinations.filter((cidr) => cidr.includes(':') === (family === 6));
  if (own.length === 0) return [];
  const [address, port] = way === 'in' ? ['daddr', 'dport'] : ['saddr', 'sport'];
  const verdict = way === 'in' ? `counter name ${ruleCounter(position)} accept` : 'accept';
  const services = rule.services.length === 0 ? [null] : rule.services;
  return services.map((service) => ({
    match: [`${ip} ${address} ${oneOf(own)}`, ...(service === null ? [] : serviceMatch(service, port))].join(
      ' ',
    ),
    verdict,
  }));
}

function serviceMatch({ protocol, firstPort, lastPort }: Rule['services'][number], port: string): string[] {
  const hasPorts = firstPort !== 0 || lastPort !== 0;
  if (!hasPorts) return protocol === 0 ? [] : [`meta l4proto ${protocol}`];
  const range = firstPort === lastPort ? firstPort : `${firstPort}-${lastPort}`;
  return [`meta l4proto ${protocol === 0 ? WITH_PORTS : protocol}`, `th ${port} ${range}`];
}

/** Which chain is asked about a packet, by the address of whoever began the flow. */
function verdicts(
  way: 'in' | 'out',
  { ip, type }: Family,
  classes: readonly SourceClass[],
  chains: ReadonlyMap<string, string>,
): string {
  const elements = classes.map(({ from, to, rules }) => {
    const [first, last] = [formatIp(from), formatIp(to)];
    const range = first === last ? first : `${first}-${last}`;
    return `      ${range} : goto ${way}_${chains.get(rules.join())}`;
  });
  const content = elements.length === 0 ? '' : `    elements = {\n${elements.join(',\n')}\n    }\n`;
  return `  map ${way}_${ip} {
    type ${type} : verdict
    flags interval
${content}  }
`;
}

/** Of lines that accept the same the first one counts. Whatever no line of it accepts is denied. */
function chain(name: string, lines: readonly Line[]): string {
  const first = new Map<string, string>();
  for (const { match, verdict } of lines) if (!first.has(match)) first.set(match, verdict);
  const text = [...first].map(([match, verdict]) => `    ${match} ${verdict}\n`).join('');
  return `  chain ${name} {\n${text}    counter name denied drop\n  }\n`;
}

/** What this host itself sends to devices: they cannot judge what comes in, so it is judged here by what may come in there. */
function guardOf(devices: readonly string[], interfaceName: string): string {
  const lines = FAMILIES.flatMap(({ ip }) => {
    const own = devices.filter((cidr) => cidr.includes(':') === (ip === 'ip6'));
    return own.length === 0 ? [] : [`${ip} daddr ${oneOf(own)} goto to_device`];
  });
  if (lines.length === 0) return '';
  return `  chain to_device {
    ct direction reply accept
    ct state related meta l4proto { icmp, icmpv6 } accept
    ip saddr vmap @in_ip
    ip6 saddr vmap @in_ip6
    counter name denied drop
  }
  chain sent {
    type filter hook output priority filter; policy accept;
    oifname != "${interfaceName}" accept
${indented(lines)}  }
`;
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `    ${line}\n`).join('');
}

/** A set of one is dearer to the kernel than that one. */
function oneOf(items: readonly string[]): string {
  return items.length === 1 ? (items[0] as string) : `{ ${items.join(', ')} }`;
}
