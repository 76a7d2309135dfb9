/** Policies and nodes for tests: random ones, and a slow reading of the document that shares nothing with the compiler. */
import fc from 'fast-check';
import type { PolicyNode } from '../../coordinator/network/policy/node-state.ts';
import { type IpBytes, parseIp } from '../../shared/ip.ts';
import { type Prefix, parsePrefix, prefixContains } from '../../shared/prefix.ts';

export const NETWORK = { prefix4: '100.64.0.0/10', prefix6: 'fd00::/48' };

export function policyNode(n: number, changes: Partial<PolicyNode> = {}): PolicyNode {
  return {
    id: `n${n}`,
    address4: `100.64.${n >> 8}.${n & 255}`,
    address6: `fd00::${n.toString(16)}`,
    tags: [],
    owner: '',
    routes: [],
    exitNode: false,
    ...changes,
  };
}

/** The document as JSON.parse gives it; only what random policies use. */
export interface RawPolicy {
  groups: Record<string, string[]>;
  hosts: Record<string, string>;
  acls: { action: string; src: string[]; dst: string[]; proto?: string }[];
  grants: { src: string[]; dst: string[]; ip: string[] }[];
}

const ROUTES = ['10.1.0.0/16', '10.1.2.0/24', '192.168.1.0/24', 'fd99::/64', '9.9.0.0/16'];
const TAGS = ['web', 'db', 'router'];
const OWNERS = ['alice@example.com', 'bob', ''];
const GROUPS = { 'group:dev': ['alice@example.com', 'bob@'], 'group:none': [] };
const HOSTS = { lan: '192.168.1.0/24', one: '100.64.0.1', six: 'fd00::2' };

const ROLE_NAMES = ['owner', 'admin', 'auditor'] as const;
const PROVIDER_GROUPS = ['netops@login.example.com', 'all staff@login.example.com'];

const user = fc.constantFrom(
  'alice@example.com',
  'bob@',
  'group:dev',
  'group:none',
  ...PROVIDER_GROUPS.map((group) => `group:${group}`),
  ...ROLE_NAMES.map((role) => `autogroup:${role}`),
);
const machine = fc.oneof(
  fc.constantFrom('*', 'autogroup:member', 'autogroup:tagged', 'lan', 'one', 'six', '100.64.0.2'),
  fc.constantFrom(...TAGS.map((tag) => `tag:${tag}`)),
  fc.constantFrom('10.1.0.0/16', '10.1.2.128/25', '10.0.0.0/8', 'fd99::/64', '9.9.9.0/24', '8.8.8.8'),
  fc.constantFrom('100.64.0.0/30', 'fd00::/126', '0.0.0.0/0', '::/0', '172.0.0.0/8'),
  user,
);
const destination = fc.oneof(
  { arbitrary: machine, weight: 4 },
  { arbitrary: fc.constant('autogroup:internet'), weight: 1 },
);
const list = <T>(element: fc.Arbitrary<T>) => fc.array(element, { minLength: 1, maxLength: 3 });
const inBrackets = (target: string) => (/^[\da-f]*:.*:/.test(target) ? `[${target}]` : target);

const acl = fc
  .record({
    action: fc.constant('accept'),
    src: list(machine),
    dst: list(fc.tuple(destination, fc.constantFrom('*', '22', '22,80-90'))),
    proto: fc.constantFrom(undefined, 'tcp', 'udp'),
  })
  .map(({ proto, dst, ...rest }) => ({
    ...rest,
    dst: dst.map(([target, ports]) => `${inBrackets(target)}:${ports}`),
    ...(proto === undefined ? {} : { proto }),
  }));
const selfAcl = fc
  .record({
    src: list(fc.oneof(user, fc.constantFrom('*', 'autogroup:member'))),
    ports: fc.constantFrom('*', '22'),
  })
  .map(({ src, ports }) => ({ action: 'accept', src, dst: [`autogroup:self:${ports}`] }));
const grant = fc.record({
  src: list(machine),
  dst: list(destination),
  ip: list(fc.constantFrom('*', 'tcp:22', '80', 'icmp:*', 'udp:50-60', '47:*')),
});

export const randomPolicy: fc.Arbitrary<RawPolicy> = fc.record({
  groups: fc.constant(GROUPS),
  hosts: fc.constant(HOSTS),
  acls: fc.array(fc.oneof({ arbitrary: acl, weight: 4 }, { arbitrary: selfAcl, weight: 1 }), {
    maxLength: 4,
  }),
  grants: fc.array(grant, { maxLength: 3 }),
});

export function randomNode(n: number): fc.Arbitrary<PolicyNode> {
  return fc
    .record({
      tags: fc.oneof(fc.constant([]), fc.subarray(TAGS)),
      owner: fc.constantFrom(...OWNERS),
      ownerGroups: fc.subarray(PROVIDER_GROUPS),
      ownerRole: fc.constantFrom(...ROLE_NAMES, ''),
      routes: fc.oneof({ arbitrary: fc.constant([]), weight: 2 }, fc.subarray(ROUTES, { maxLength: 2 })),
      exitNode: fc.oneof({ arbitrary: fc.constant(false), weight: 3 }, fc.constant(true)),
    })
    .map((changes) => policyNode(n, changes));
}

export const randomNodes = (count: number) =>
  fc.tuple(...Array.from({ length: count }, (_, index) => randomNode(index + 1)));

/** One packet that arrives at a node by the mesh. */
export interface Packet {
  source: IpBytes;
  destination: IpBytes;
  protocol: number;
  port: number;
}

const parsed = new Map<string, Prefix | null>();
/** Texts recur by the thousand. */
function prefixOrNull(text: string): Prefix | null {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const prefix = parsePrefix(text);
  parsed.set(text, prefix);
  return prefix;
}
const prefix = (text: string) => prefixOrNull(text) as Prefix;
const within = (text: string, address: IpBytes) => prefixContains(prefix(text), address);
const equal = (a: IpBytes, text: string) => within(text, a);
const PRIVATE = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '224.0.0.0/3',
];
const isPublic = (address: IpBytes) =>
  address.length === 4 ? !PRIVATE.some((block) => within(block, address)) : within('2000::/3', address);
const isOwn = (node: PolicyNode, address: IpBytes) =>
  equal(address, node.address4) || equal(address, node.address6);

/** Whether a node carries an address: its own, a route's, the Internet's at an exit. */
export function carries(node: PolicyNode, address: IpBytes): boolean {
  return (
    isOwn(node, address) ||
    node.routes.some((route) => within(route, address)) ||
    (node.exitNode && isPublic(address))
  );
}

/** What the document says of one packet at one node, read rule by rule. */
export function directlyAllowed(
  policy: RawPolicy,
  nodes: readonly PolicyNode[],
  at: PolicyNode,
  packet: Packet,
): boolean {
  if (packet.source.length !== packet.destination.length || !carries(at, packet.destination)) return false;
  const usersOf = (text: string) =>
    (text.startsWith('group:') ? (policy.groups[text] ?? []) : [text]).map((name) => name.replace(/@$/, ''));
  const isMachine = (text: string, node: PolicyNode) => {
    if (text === 'autogroup:member') return node.tags.length === 0;
    if (text === 'autogroup:tagged') return node.tags.length > 0;
    if (ROLE_NAMES.some((role) => text === `autogroup:${role}`))
      return node.tags.length === 0 && text === `autogroup:${node.ownerRole}`;
    if (text.startsWith('tag:')) return node.tags.includes(text.slice(4));
    if (text.startsWith('group:') && text.includes('@'))
      return node.tags.length === 0 && (node.ownerGroups ?? []).includes(text.slice('group:'.length));
    if (text.startsWith('group:') || text.includes('@'))
      return node.tags.length === 0 && usersOf(text).includes(node.owner);
    return false;
  };
  const isNetwork = (text: string, address: IpBytes) => {
    const network = prefixOrNull(policy.hosts[text] ?? text);
    return network !== null && prefixContains(network, address);
  };
  const sender = nodes.find((node) => isOwn(node, packet.source));
  const isSource = (text: string) =>
    text === '*'
      ? within(NETWORK.prefix4, packet.source) ||
        within(NETWORK.prefix6, packet.source) ||
        nodes.some((node) => node.routes.some((route) => within(route, packet.source)))
      : isNetwork(text, packet.source) || (sender !== undefined && isMachine(text, sender));
  const isDestination = (text: string) => {
    if (text === '*' || isNetwork(text, packet.destination)) return true;
    if (text === 'autogroup:internet') return at.exitNode && isPublic(packet.destination);
    if (!isOwn(at, packet.destination)) return false;
    if (text !== 'autogroup:self') return isMachine(text, at);
    return (
      at.tags.length === 0 &&
      sender !== undefined &&
      sender.tags.length === 0 &&
      at.owner !== '' &&
      sender.owner === at.owner
    );
  };
  const isPort = (ports: string) =>
    ports === '*' ||
    ports.split(',').some((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return first <= packet.port && packet.port <= last;
    });
  const numbers: Record<string, number[]> = { tcp: [6], udp: [17], icmp: [1, 58], 47: [47] };
  const isService = (proto: string | undefined, ports: string) =>
    proto === undefined
      ? [1, 58].includes(packet.protocol) || ([6, 17].includes(packet.protocol) && isPort(ports))
      : (numbers[proto] as number[]).includes(packet.protocol) && isPort(ports);
  const byAcl = policy.acls.some(
    ({ src, dst, proto }) =>
      src.some(isSource) &&
      dst.some((text) => {
        const colon = text.lastIndexOf(':');
        const target = text.slice(0, colon).replace(/[[\]]/g, '');
        return isDestination(target) && isService(proto, text.slice(colon + 1));
      }),
  );
  return (
    byAcl ||
    policy.grants.some(
      ({ src, dst, ip }) =>
        src.some(isSource) &&
        dst.some(isDestination) &&
        ip.some((text) => {
          if (text === '*') return true;
          const [proto, ports] = text.includes(':') ? text.split(':') : [undefined, text];
          return isService(proto, ports as string);
        }),
    )
  );
}

/** Addresses that stand for all: of nodes, of the beginnings and ends of all networks in play, and strangers. */
export function sampleAddresses(nodes: readonly PolicyNode[]): IpBytes[] {
  const networks = [
    ...ROUTES,
    '10.1.2.128/25',
    '10.0.0.0/8',
    '9.9.9.0/24',
    '100.64.0.0/30',
    'fd00::/126',
    '172.0.0.0/8',
  ];
  const ends = networks.flatMap((text) => {
    const { bytes, length } = prefix(text);
    const last = bytes.map((byte, index) => byte | (0xff >> Math.min(8, Math.max(0, length - index * 8))));
    return [bytes, last];
  });
  const strangers = ['8.8.8.8', '1.2.3.4', '172.16.9.9', '2600::1', '100.65.0.1', 'fd00::99', 'fd77::1'];
  const own = nodes.flatMap(({ address4, address6 }) => [address4, address6]);
  return [...ends, ...[...own, ...strangers].map((text) => parseIp(text) as IpBytes)];
}

export const SERVICES = [
  [6, 22],
  [6, 80],
  [6, 5000],
  [17, 53],
  [17, 22],
  [1, 0],
  [58, 0],
  [47, 0],
] as const;
