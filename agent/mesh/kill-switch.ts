import { OUTSIDE_MARK, OUTSIDE_MASK, type OutsideFlow } from './outside-flows.ts';

/** What may leave a host whose Internet is behind an exit node. */
export interface WantedKillSwitch {
  /** The tunnel's. */
  interfaceName: string;
  flows: readonly OutsideFlow[];
  /** Networks that this host carries for the mesh, CIDRs. */
  carried: readonly string[];
  /** Local networks that are kept, CIDRs; null for none. With them go local multicasts. */
  kept: readonly string[] | null;
  /** Whether resolvers in them may be asked. */
  keepsResolvers: boolean;
  /** Interfaces that lead to nobody but this host: bridges of its containers. */
  inner: readonly string[];
}

/** Before anything of it stood, for a successor of a killed agent: what `net.ipv4.conf.all.src_valid_mark` was; null where it was left alone. */
export type ValidMarkBefore = string | null;
const WAS = /chain valid_mark_was_(\d)/;

/** DNS, and over TLS (RFC 7858), and multicast DNS' siblings are local. */
const DNS_PORTS = '{ 53, 853 }';
/** Neighbour discovery and multicast listeners (RFC 4861, 2710, 3810): of one link, and no link works without. */
const LINK_ICMP6 = '{ 130, 131, 132, 133, 134, 135, 136, 137, 143 }';
const IGMP = 2;
const LOCAL_GROUPS = { ip: '{ 224.0.0.0/24, 239.0.0.0/8, 255.255.255.255 }', ip6: 'ff02::/16' } as const;
const KEEP_OTHERS = ((0xffffffff ^ OUTSIDE_MASK) >>> 0).toString();

export function killSwitchTable(interfaceName: string): string {
  return `inet warren-exit-${interfaceName}`;
}

export function withoutKillSwitch(interfaceName: string): string {
  const table = killSwitchTable(interfaceName);
  return `table ${table}\ndelete table ${table}\n`;
}

/** What the table, as nft lists it, says of before; undefined for a text that is no such table. */
export function validMarkBefore(listed: string): ValidMarkBefore | undefined {
  return listed.includes('chain leaving') ? (WAS.exec(listed)?.[1] ?? null) : undefined;
}

/**
 * The nftables script that keeps everything else in, whatever routes and rules there are: a route that somebody else's DHCP brings,
 * a tunnel that is gone, a killed agent. It looks where packets leave, after routing has had its last say, at what this host sends
 * and forwards. What comes back to the agent has its mark, so that the kernel's own check of sources (rp_filter) finds the way it came.
 */
export function killSwitchRules(wanted: WantedKillSwitch, before: ValidMarkBefore): string {
  const { interfaceName, flows, carried, kept, keepsResolvers, inner } = wanted;
  const inside = ['lo', interfaceName, 'seg-*', ...inner].map((name) => `"${name}"`).join(', ');
  const isMarked = `meta mark & ${OUTSIDE_MASK} == ${OUTSIDE_MARK}`;
  const mark = `meta mark set meta mark & ${KEEP_OTHERS} | ${OUTSIDE_MARK} accept`;
  const lines = (matches: readonly string[], verdict: string) =>
    matches.map((match) => `    ${match} ${verdict}\n`).join('');
  const local = kept === null ? [] : [...to(kept), ...to(Object.values(LOCAL_GROUPS))];
  // Resolvers in carried networks are the mesh's affair.
  const forMesh = to(carried).map((match) => `iifname "${interfaceName}" ${match}`);
  const resolvers = keepsResolvers ? [] : [`meta l4proto { tcp, udp } th dport ${DNS_PORTS}`];
  return `${withoutKillSwitch(interfaceName)}table ${killSwitchTable(interfaceName)} {
  counter blocked { }
${before === null ? '' : `  chain valid_mark_was_${before} { }\n`}  chain returning {
    type filter hook prerouting priority raw; policy accept;
    iifname { ${inside} } accept
    fib daddr type != local accept
${lines(flows.flatMap(backMatch), mark)}${lines(
  [
    // Answers of resolvers, which the agent asks from marked sockets, and what routers say of what was sent.
    'udp sport 53',
    'icmp type { 3, 11, 12 }',
    'icmpv6 type { 1, 2, 3, 4 }',
  ],
  mark,
)}  }
  chain leaving {
    type filter hook postrouting priority 300; policy accept;
    oifname { ${inside} } accept
    ${isMarked} accept
${lines(flows.map(wayMatch), 'accept')}    icmpv6 type ${LINK_ICMP6} accept
    meta l4proto ${IGMP} accept
${lines(forMesh, 'accept')}${lines(resolvers, 'counter name blocked drop')}${lines([...to(carried), ...local], 'accept')}    counter name blocked drop
  }
}
`;
}

/** Destinations, one match for each; a set as it is written. */
function to(destinations: readonly string[]): string[] {
  return destinations.map((each) => `${each.includes(':') ? 'ip6' : 'ip'} daddr ${each}`);
}

/** What is sent. */
function wayMatch({
  family,
  protocol,
  user,
  sourcePort,
  destination,
  firstPort,
  lastPort,
}: OutsideFlow): string {
  return [
    ...(user === null ? [] : [`meta skuid ${user}`]),
    ...addressMatch('daddr', family, destination),
    ...(sourcePort === undefined ? [] : [`${protocol} sport ${sourcePort}`]),
    ...(firstPort === undefined ? [] : [`${protocol} dport ${range(firstPort, lastPort)}`]),
  ].join(' ');
}

/** What comes back for it. What was sent to a group comes back from anybody: nothing is said of that. */
function backMatch({
  family,
  protocol,
  sourcePort,
  destination,
  firstPort,
  lastPort,
}: OutsideFlow): string[] {
  return [
    [
      ...addressMatch('saddr', family, destination),
      ...(sourcePort === undefined ? [] : [`${protocol} dport ${sourcePort}`]),
      ...(firstPort === undefined ? [] : [`${protocol} sport ${range(firstPort, lastPort)}`]),
    ].join(' '),
  ];
}

function addressMatch(
  side: 'saddr' | 'daddr',
  family: OutsideFlow['family'],
  address: string | undefined,
): string[] {
  if (address !== undefined) return [`${family === 6 ? 'ip6' : 'ip'} ${side} ${address}`];
  return family === null ? [] : [`meta nfproto ${family === 6 ? 'ipv6' : 'ipv4'}`];
}

function range(first: number, last: number | undefined): string {
  return last === undefined ? String(first) : `${first}-${last}`;
}
