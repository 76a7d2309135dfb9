import type { Service } from './document.ts';

/** Assigned Internet Protocol Numbers (IANA) under the names that policies of the field use. */
const PROTOCOLS: Readonly<Record<string, readonly number[]>> = {
  icmp: [1, 58],
  igmp: [2],
  ipv4: [4],
  'ip-in-ip': [4],
  tcp: [6],
  egp: [8],
  igp: [9],
  udp: [17],
  ipv6: [41],
  gre: [47],
  esp: [50],
  ah: [51],
  'ipv6-icmp': [58],
  icmpv6: [58],
  sctp: [132],
};

const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132]);

/** What ports without a protocol mean in the field: of TCP and of UDP, and ping goes where anything goes. */
const DEFAULT_PORTED = [6, 17];
const DEFAULT_OTHERS = [1, 58];

export interface PortRange {
  firstPort: number;
  lastPort: number;
}

const ANY_PORT: PortRange = { firstPort: 0, lastPort: 0 };

/** Numbers of a protocol by name or number; `null` for `*`, `undefined` for what is no protocol. */
export function parseProtocol(text: string): readonly number[] | null | undefined {
  const name = text.toLowerCase();
  if (name === '*') return null;
  if (Object.hasOwn(PROTOCOLS, name)) return PROTOCOLS[name];
  return /^[1-9]\d{0,2}$/.test(name) && Number(name) <= 255 ? [Number(name)] : undefined;
}

export function hasPorts(protocol: number): boolean {
  return WITH_PORTS.has(protocol);
}

/** `*`, `22`, `22,80-90` as ranges; null for anything else. Port 0 is in none: no packet has it. */
export function parsePorts(text: string): PortRange[] | null {
  if (text === '*') return [ANY_PORT];
  const ranges: PortRange[] = [];
  for (const part of text.split(',')) {
    const match = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(part);
    if (match === null) return null;
    const firstPort = Number(match[1]);
    const lastPort = Number(match[2] ?? match[1]);
    if (lastPort > 65535 || firstPort > lastPort) return null;
    if (lastPort === 0) continue;
    ranges.push(firstPort === 0 && lastPort === 65535 ? ANY_PORT : { firstPort, lastPort });
  }
  return ranges.includes(ANY_PORT) ? [ANY_PORT] : ranges;
}

/**
 * What the ports of an acl's destination mean under its `proto` (absent: undefined). A string says why they mean
 * nothing.
 */
export function servicesOf(proto: string | undefined, ports: string): Service[] | string {
  const ranges = parsePorts(ports);
  if (ranges === null) return `${JSON.stringify(ports)} are no ports: write *, 22 or 22,80-90`;
  // Policies of headscale have `router:0` for a machine that is only to be seen: ping is what it gets.
  if (proto === undefined || proto === '') {
    return [...withRanges(DEFAULT_PORTED, ranges), ...withRanges(DEFAULT_OTHERS, [ANY_PORT])];
  }
  const protocols = parseProtocol(proto);
  if (protocols === undefined) return unknownProtocol(proto);
  if (ranges.length === 0) return 'port 0 grants nothing';
  const everyPort = ranges[0] === ANY_PORT;
  if (protocols === null) return everyPort ? [] : 'ports need a protocol that has them: tcp, udp or sctp';
  if (!everyPort && !protocols.every(hasPorts)) return `${proto} has no ports: write *`;
  return withRanges(protocols, ranges);
}

/** An element of a grant's `ip`: `*`, `443`, `tcp:443`, `icmp:*`. A string says why it means nothing. */
export function grantedServices(text: string): Service[] | string {
  if (text === '*') return [];
  const colon = text.indexOf(':');
  if (colon >= 0) return servicesOf(text.slice(0, colon), text.slice(colon + 1));
  if (parsePorts(text) !== null) return servicesOf(undefined, text);
  return `${JSON.stringify(text)} is neither ports nor protocol and ports: write *, 443, tcp:443 or icmp:*`;
}

/** Whether one of a rule's services has this. */
export function servicesInclude(services: readonly Service[], protocol: number, port: number): boolean {
  return (
    services.length === 0 ||
    services.some(
      (service) =>
        (service.protocol === 0 || service.protocol === protocol) &&
        (service.lastPort === 0 || (service.firstPort <= port && port <= service.lastPort)),
    )
  );
}

export function unknownProtocol(text: string): string {
  return `${JSON.stringify(text)} is no protocol: write ${Object.keys(PROTOCOLS).join(', ')} or a number from 1 to 255`;
}

function withRanges(protocols: readonly number[], ranges: readonly PortRange[]): Service[] {
  return protocols.flatMap((protocol) => ranges.map((range) => ({ protocol, ...range })));
}
