import { type Counts, counter, FOREIGN_COUNTER, UNASKED_COUNTER } from './firewall-counters.ts';
import { FAMILIES, indented, ipOf } from './nft-words.ts';
import type { TransitRules } from './transit-rules.ts';

/** What the borders of a host's side of the mesh follow. */
export interface WantedBorders {
  /** The tunnel's. */
  interfaceName: string;
  /** The agent's UDP port. */
  listenPort: number;
  /** The overlay's ranges, CIDRs. */
  overlay: readonly string[];
  /** Whether this host carries packets between the mesh and other networks. */
  carries: boolean;
  /** Networks behind this host whose hosts may begin flows to networks of other sites, as they are here, CIDRs. */
  sites: readonly string[];
  /** Containers of a host that uses an exit node: they reach the Internet by it as well, and nothing of `mesh`. Absent without one. */
  containers?: { bridges: readonly string[]; mesh: readonly string[] };
}

/** What holds with any policy and with none: the overlay's addresses are of the mesh alone, and it is entered by its members. */
export function borders(
  { interfaceName, listenPort, overlay, carries, sites, containers }: WantedBorders,
  counts: Counts,
  transit: TransitRules,
): string {
  const drops = (direction: 'saddr' | 'daddr') =>
    FAMILIES.flatMap(({ ip }) => overlay.filter((cidr) => ipOf(cidr) === ip)).map(
      (cidr) => `${ipOf(cidr)} ${direction} ${cidr} counter name ${FOREIGN_COUNTER} drop`,
    );
  // Of one that carries, answers come from networks behind it, perhaps with the source that it let through.
  const answers = carries ? ['ct state established,related accept'] : [];
  const fromMesh = `iifname { "lo", "${interfaceName}" } accept`;
  return `${counter(FOREIGN_COUNTER, counts)}${counter(UNASKED_COUNTER, counts)}  chain sources {
    type filter hook prerouting priority raw; policy accept;
${indented([fromMesh, ...drops('saddr')])}  }
  chain destinations {
    type filter hook prerouting priority mangle; policy accept;
${indented([fromMesh, ...answers, ...drops('daddr')])}  }
  chain forwarded {
    type filter hook forward priority filter; policy accept;
${indented([
  ...transit.forwarded,
  `oifname != "${interfaceName}" accept`,
  ...answers,
  ...fromContainers(containers, interfaceName),
  ...fromSites(sites, interfaceName),
  `counter name ${UNASKED_COUNTER} drop`,
])}  }
  chain own {
    type filter hook output priority filter; policy accept;
${indented([`oifname "${interfaceName}" udp sport ${listenPort} drop`, ...transit.own])}  }
`;
}

function fromContainers(containers: WantedBorders['containers'], interfaceName: string): string[] {
  if (containers === undefined || containers.bridges.length === 0) return [];
  const from = `iifname { ${containers.bridges.map((name) => `"${name}"`).join(', ')} } oifname "${interfaceName}"`;
  const kept = containers.mesh.map((cidr) => `${from} ${ipOf(cidr)} daddr ${cidr}`);
  return [...kept.map((match) => `${match} counter name ${UNASKED_COUNTER} drop`), `${from} accept`];
}

/** To members of the mesh they cannot: what is sent to the overlay from outside is dropped before (chain destinations). */
function fromSites(sites: readonly string[], interfaceName: string): string[] {
  const way = `iifname != "${interfaceName}" oifname "${interfaceName}"`;
  return sites.map((cidr) => `${way} ${ipOf(cidr)} saddr ${cidr} accept`);
}
