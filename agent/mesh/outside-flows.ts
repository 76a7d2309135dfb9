/** What leaves beside the tunnel while the Internet is behind it: the agent's own, without which there would be no tunnel, and DHCP. */
export interface OutsideFlow {
  family: 4 | 6 | null;
  protocol: 'udp' | 'tcp';
  /** Uid of the sender; null for any. */
  user: number | null;
  sourcePort?: number;
  /** An address. */
  destination?: string;
  firstPort?: number;
  lastPort?: number;
}

/** Of which the agent's flows are made. */
export interface OutsideFacts {
  /** The agent's uid. */
  user: number;
  /** The tunnel's UDP port. */
  listenPort: number;
  /** Coordinator and relays, TCP. */
  servers: readonly { address: string; port: number }[];
  /** The IPv4 router of this host, that maps ports; null without one. */
  gateway: string | null;
}

/**
 * The mark of the agent's sockets (SO_MARK), where a driver can set it, and its mask: a byte that neither wg-quick nor Kubernetes,
 * Docker and Tailscale use.
 */
export const OUTSIDE_MARK = 0x870000;
export const OUTSIDE_MASK = 0xff0000;

/** RFC 6887 19.1 and RFC 6886 3; UPnP's discovery; and where gateways have UPnP's HTTP, above ports of DNS and the Web. */
const PORT_MAPPING = 5351;
const SSDP = 1900;
const SSDP_GROUP = '239.255.255.250';
const UPNP_HTTP = { firstPort: 1024, lastPort: 65534 }; // A rule of routing ends there (fib_rule_port_range_valid).
const DHCP = { family: 4, protocol: 'udp', user: null, sourcePort: 68, firstPort: 67 } as const;
const DHCP6 = { family: 6, protocol: 'udp', user: null, sourcePort: 546, firstPort: 547 } as const;

/** As narrow as rules of both routing and nftables can say it: by user, protocol, addresses and ports. */
export function outsideFlows({ user, listenPort, servers, gateway }: OutsideFacts): OutsideFlow[] {
  const toGateway = (protocol: 'udp' | 'tcp', ports: Pick<OutsideFlow, 'firstPort' | 'lastPort'>) =>
    gateway === null ? [] : [{ family: 4 as const, protocol, user, destination: gateway, ...ports }];
  return [
    { family: null, protocol: 'udp', user, sourcePort: listenPort },
    ...servers.map(({ address, port }) => ({
      family: address.includes(':') ? (6 as const) : (4 as const),
      protocol: 'tcp' as const,
      user,
      destination: address,
      firstPort: port,
    })),
    ...toGateway('udp', { firstPort: PORT_MAPPING }),
    ...toGateway('tcp', UPNP_HTTP),
    ...(gateway === null
      ? []
      : [{ family: 4 as const, protocol: 'udp' as const, user, destination: SSDP_GROUP, firstPort: SSDP }]),
    DHCP,
    DHCP6,
  ];
}
