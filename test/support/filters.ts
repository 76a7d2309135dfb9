/** Filters for tests of what hosts make of them. */
import fc from 'fast-check';
import type { WantedFirewall } from '../../agent/mesh/firewall-rules.ts';
import type { MapFilter } from '../../agent/mesh/network-map.ts';
import { parseIp } from '../../shared/ip.ts';
import { type Prefix, parsePrefix, prefixContains } from '../../shared/prefix.ts';
import type { ReadPacket } from './nft-reading.ts';

type Rule = MapFilter['rules'][number];
type Service = Rule['services'][number];

/** TCP, DCCP, UDP, SCTP and UDP-Lite have ports. */
const HAVE_PORTS = new Set([6, 33, 17, 132, 136]);

/** Of a host that carries nothing, without a policy. */
export const WANTED_FIREWALL: WantedFirewall = {
  interfaceName: 'warren0',
  listenPort: 51820,
  overlay: ['100.64.0.0/10', 'fd00::/48'],
  filter: undefined,
  carries: false,
  sites: [],
  multicast: false,
  openPorts: [],
  transit: null,
  devices: [],
};

/** SSH from one node, and everything from all of a network. */
export const RULES: MapFilter['rules'] = [
  {
    id: 'acls[0]',
    sources: ['100.64.0.2/32'],
    destinations: ['100.64.0.1/32'],
    services: [{ protocol: 6, firstPort: 22, lastPort: 22 }],
  },
  {
    id: 'acls[1]',
    sources: ['100.64.0.0/24', 'fd00::2/128'],
    destinations: ['100.64.0.1/32', 'fd00::1/128'],
    services: [],
  },
];

/** The plain reading of a filter: the position of the first rule that lets a packet in; null if none does. */
export function grantedBy(rules: readonly Rule[], packet: ReadPacket): number | null {
  const within = (cidrs: readonly string[], address: Uint8Array) =>
    cidrs.some((cidr) => prefixContains(parsePrefix(cidr) as Prefix, address));
  const position = rules.findIndex(
    ({ sources, destinations, services }) =>
      within(sources, packet.source) &&
      within(destinations, packet.destination) &&
      (services.length === 0 || services.some((service) => isOf(service, packet))),
  );
  return position < 0 ? null : position;
}

function isOf({ protocol, firstPort, lastPort }: Service, { protocol: has, ports }: ReadPacket): boolean {
  if (protocol !== 0 && protocol !== has) return false;
  if (firstPort === 0 && lastPort === 0) return true;
  if (ports === null || !HAVE_PORTS.has(has)) return false;
  return firstPort <= ports.destination && ports.destination <= lastPort;
}

/** A few addresses, protocols and ports, so that rules and packets of them meet in every way. */
const FROM = ['100.64.0.2/32', '100.64.0.0/24', 'fd00::2/128', 'fd00::/64', '0.0.0.0/0'];
const TO = ['100.64.0.1/32', 'fd00::1/128', '10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '::/0'];
const SOURCES = ['100.64.0.2', '100.64.0.3', '192.0.2.1', 'fd00::2', 'fd00::3', 'fd01::1'];
const DESTINATIONS = ['100.64.0.1', '10.0.0.1', '10.1.0.1', '10.1.2.3', '203.0.113.1', 'fd00::1', 'fd09::1'];
const TRANSPORTS = [6, 17, 132];
/** Without ports: ICMP and GRE. */
const OTHERS = [1, 47];
const MOST_PORT = 12;

const someOf = <T>(items: readonly T[]) =>
  fc.uniqueArray(fc.constantFrom(...items), { minLength: 1, maxLength: 3 });

const port = fc.integer({ min: 1, max: MOST_PORT });
const service: fc.Arbitrary<Service> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom(...TRANSPORTS, 0), port, fc.oneof(fc.constant(0), fc.nat(MOST_PORT)))
      .map(([protocol, firstPort, more]) => ({
        protocol,
        firstPort,
        lastPort: Math.min(MOST_PORT, firstPort + more),
      })),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(...TRANSPORTS, ...OTHERS)
      .map((protocol) => ({ protocol, firstPort: 0, lastPort: 0 })),
  },
);
const rule: fc.Arbitrary<Rule> = fc.record({
  id: fc.constant('any'),
  sources: someOf(FROM),
  destinations: someOf(TO),
  services: fc.oneof(
    { weight: 20, arbitrary: fc.array(service, { minLength: 1, maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constant<Service[]>([]) },
  ),
});

export const fewRules = fc.array(rule, { maxLength: 4 });
export const manyRules = fc.array(rule, { minLength: 10, maxLength: 40 });

/** Some that rules may name, and some that none does. */
export const anyPacket: fc.Arbitrary<ReadPacket> = fc
  .record({
    source: fc.constantFrom(...SOURCES),
    destination: fc.constantFrom(...DESTINATIONS),
    protocol: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...TRANSPORTS) },
      { weight: 1, arbitrary: fc.constantFrom(...OTHERS) },
    ),
    ports: fc.record({
      source: fc.constant(40_000),
      destination: fc.oneof(port, fc.constant(MOST_PORT + 1)),
    }),
  })
  .filter(({ source, destination }) => source.includes(':') === destination.includes(':'))
  .map(({ source, destination, protocol, ports }) => ({
    source: parseIp(source) as Uint8Array,
    destination: parseIp(destination) as Uint8Array,
    protocol,
    ports: HAVE_PORTS.has(protocol) ? ports : null,
  }));
