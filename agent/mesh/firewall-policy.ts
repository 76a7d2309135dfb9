import { formatIp } from '../../shared/ip.ts';
import { type AddressClass, addressClasses } from './address-classes.ts';
import { type Counts, counter, DENIED_COUNTER, ruleCounter } from './firewall-counters.ts';
import type { MapFilter } from './network-map.ts';
import { FAMILIES, type Family, indented, ipOf, oneOf, range } from './nft-words.ts';
import { type PlacedRule, WAYS, type Way } from './rule-lines.ts';
import { linesOf } from './rule-lookups.ts';
import type { TransitRules } from './transit-rules.ts';

/** What judging by a policy follows, beside the filter. */
export interface WantedJudging {
  /** The tunnel's. */
  interfaceName: string;
  /** Whether broadcasts and multicasts come in from who may send anything here. */
  multicast: boolean;
  /** UDP ports of the mesh's own that other rules guard. */
  openPorts: readonly number[];
  /** Addresses of plain WireGuard devices that are peers of this host, host prefixes. */
  devices: readonly string[];
}

/** IPv6 extension headers (RFC 8200 4.1; RFC 4302; RFC 6275; RFC 7401; RFC 5533): what stands behind them is not looked at. */
const EXTENSION_HEADERS = '{ 0, 43, 44, 51, 60, 135, 139, 140 }';
/** IPv4 and IPv6 within IP. */
const IP_IN_IP = '{ 4, 41 }';
const DENIED = `counter name ${DENIED_COUNTER} drop`;

/**
 * What comes in from the mesh is judged as the mesh has its addresses, before they are translated. Who began a flow is judged by the
 * rules for every packet, and answers are, as they leave, by the rule that lets the other way in: so a rule that is gone ends
 * flows that stand as well. The source alone decides by one look which rules there are to ask.
 */
export function policyJudging(
  { interfaceName, multicast, openPorts, devices }: WantedJudging,
  filter: MapFilter,
  counts: Counts,
  transit: TransitRules,
): string {
  const counters = filter.rules.map((_, position) => counter(ruleCounter(position), counts));
  const bySource = FAMILIES.flatMap((family) => {
    const classes = addressClasses(
      filter.rules.map(({ sources }) => sources),
      family.family,
    );
    return WAYS.map((way) =>
      sourceChains(filter, classes, way, family, multicast && way.counts ? family.groups : []),
    );
  });
  const open = openPorts.length === 0 ? [] : [`udp dport { ${openPorts.join(', ')} } accept`];
  return `${counters.join('')}${counter(DENIED_COUNTER, counts)}${bySource.join('')}${guardOf(devices, interfaceName)}${transit.chains}  chain incoming {
    type filter hook prerouting priority mangle; policy accept;
    iifname != "${interfaceName}" accept
    meta l4proto ${IP_IN_IP} ${DENIED}
    ip6 nexthdr ${EXTENSION_HEADERS} ${DENIED}
    ip frag-off & 0x3fff != 0 ${DENIED}
    ct state established ct direction reply accept
    ct state related meta l4proto { icmp, icmpv6 } accept
${indented([...open, ...transit.incoming])}    ip saddr vmap @in_ip
    ip6 saddr vmap @in_ip6
    ${DENIED}
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
    ${DENIED}
  }
`;
}

/**
 * The chains that are asked about packets one way, and the map that says which, by the address of whoever began the flow. Sources
 * with the same rules have one chain. `groups` are those that anybody may send to who may send anything.
 */
function sourceChains(
  { rules }: MapFilter,
  classes: readonly AddressClass[],
  way: Way,
  family: Family,
  groups: readonly string[],
): string {
  const { ip, type } = family;
  const chains = new ChainTexts(`${way.way}_${ip}`);
  const places = new ChainTexts(`${way.way}_${ip}_to`);
  const toGroups = groups.map((group) => `${ip} daddr ${group} accept`);
  const chainOf = (positions: readonly number[]) => {
    const placed = positions.map(
      (position): PlacedRule => ({ position, rule: rules[position] as PlacedRule['rule'] }),
    );
    const lines = linesOf(placed, way, family, (each) => places.named(each));
    return chains.named([...lines, ...toGroups, DENIED]);
  };
  const names = new Map<string, string>();
  const elements = classes.map(({ from, to, rules: positions }) => {
    const key = positions.join();
    const name = names.get(key) ?? chainOf(positions);
    names.set(key, name);
    return `      ${range(formatIp(from), formatIp(to))} : goto ${name}`;
  });
  const content = elements.length === 0 ? '' : `    elements = {\n${elements.join(',\n')}\n    }\n`;
  return `${places.text}${chains.text}  map ${way.way}_${ip} {
    type ${type} : verdict
    flags interval
${content}  }
`;
}

/** Chains that are numbered as they come; those that read the same are one. */
class ChainTexts {
  text = '';
  readonly #prefix: string;
  readonly #names = new Map<string, string>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  named(lines: readonly string[]): string {
    const content = indented(lines);
    const known = this.#names.get(content);
    if (known !== undefined) return known;
    const name = `${this.#prefix}_${this.#names.size}`;
    this.#names.set(content, name);
    this.text += `  chain ${name} {\n${content}  }\n`;
    return name;
  }
}

/** What this host itself sends to devices: they cannot judge what comes in, so it is judged here by what may come in there. */
function guardOf(devices: readonly string[], interfaceName: string): string {
  const lines = FAMILIES.flatMap(({ ip }) => {
    const own = devices.filter((cidr) => ipOf(cidr) === ip);
    return own.length === 0 ? [] : [`${ip} daddr ${oneOf(own)} goto to_device`];
  });
  if (lines.length === 0) return '';
  return `  chain to_device {
    ct direction reply accept
    ct state related meta l4proto { icmp, icmpv6 } accept
    ip saddr vmap @in_ip
    ip6 saddr vmap @in_ip6
    ${DENIED}
  }
  chain sent {
    type filter hook output priority filter; policy accept;
    oifname != "${interfaceName}" accept
${indented(lines)}  }
`;
}
