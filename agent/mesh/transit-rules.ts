import type { Transit } from './transit.ts';

const DNS_PORT = 53;
const IPS = ['ip', 'ip6'] as const;

/**
 * The lines of nftables by which a gateway forwards for its devices, to be put into the chains of firewall-rules.ts. Every list is
 * empty for a host that is none.
 */
export interface TransitRules {
  /** Where packets are forwarded: between a device and the mesh, and from there nowhere else unless this host carries. */
  forwarded: string[];
  /** Where the host itself sends: there is no shorter way than the one that a device's packets came by. */
  own: string[];
  /** Where the policy judges what comes in. */
  incoming: string[];
  /** Where it judges answers that leave. */
  answers: string[];
  /** Chains that these jump to. */
  chains: string;
}

const NONE: TransitRules = { forwarded: [], own: [], incoming: [], answers: [], chains: '' };

/**
 * What devices send to others is judged by those, as are the answers: the gateway judges for itself, for its devices, and for the
 * networks behind it. Its devices may ask it for names.
 */
export function transitRules(transit: Transit | null, interfaceName: string, carries: boolean): TransitRules {
  if (transit === null) return NONE;
  const within = `iifname "${interfaceName}" oifname "${interfaceName}"`;
  const sets = IPS.flatMap((ip) => {
    const devices = transit.devices.filter((cidr) => ipOf(cidr) === ip);
    return devices.length === 0 ? [] : [{ ip, devices: `{ ${devices.join(', ')} }` }];
  });
  const each = (direction: 'saddr' | 'daddr', cidrs: readonly string[], verdict: string) =>
    cidrs.map((cidr) => `    ${ipOf(cidr)} ${direction} ${cidr} ${verdict}\n`).join('');
  const names = (port: 'sport' | 'dport') => `meta l4proto { tcp, udp } th ${port} ${DNS_PORT} accept`;
  return {
    forwarded: [
      ...sets.flatMap(({ ip, devices }) =>
        ['saddr', 'daddr'].map((direction) => `${within} ${ip} ${direction} ${devices} accept`),
      ),
      ...(carries
        ? []
        : [`iifname "${interfaceName}" oifname != "${interfaceName}" counter name unasked drop`]),
    ],
    own: [
      `oifname "${interfaceName}" icmp type redirect drop`,
      `oifname "${interfaceName}" icmpv6 type nd-redirect drop`,
    ],
    incoming: sets.map(({ ip, devices }) => `${ip} saddr ${devices} jump transit`),
    answers: sets.map(({ ip, devices }) => `${ip} daddr ${devices} jump transit_answers`),
    chains: `  chain transit {
${each('daddr', transit.own, names('dport'))}${each('daddr', transit.except, 'return')}${each('daddr', transit.towards, 'accept')}  }
  chain transit_answers {
${each('saddr', transit.own, names('sport'))}${each('saddr', transit.except, 'return')}    accept
  }
`,
  };
}

function ipOf(cidr: string): (typeof IPS)[number] {
  return cidr.includes(':') ? 'ip6' : 'ip';
}
