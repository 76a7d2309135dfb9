/**
 * What the policy costs: `bin/warren-node test/bench/policy.ts [NODES] [RULES]`. Compiling for a whole network, what a filter and a
 * map come to, and what a change of one node or of the policy costs for all. Compared within one run: the policy that everybody
 * may, and the same rules for a tenth of the nodes.
 */

import { snapshotMessage } from '../../coordinator/grpc/messages.ts';
import { type MapNode, snapshotFor } from '../../coordinator/network/map.ts';
import { CompiledPolicy } from '../../coordinator/network/policy/compile.ts';
import { parsePolicy } from '../../coordinator/network/policy/parse.ts';
import { policyNode } from '../../coordinator/network/policy/policy-node.ts';
import { DEFAULT_SETTINGS } from '../../coordinator/network/settings.ts';
import { Visibility, type VisibleNode } from '../../coordinator/network/visibility.ts';
import { Snapshot } from '../../proto/gen/warren.ts';
import { textTable } from '../../shared/text-table.ts';

const NETWORK = { prefix4: '100.64.0.0/10', prefix6: 'fd00::/48', version: 1 };
const TEAMS = 50;
const ROUTERS = 100;

/** Machines of fifty teams with tags, laptops of users, a hundred subnet routers, ten exits. */
export function benchNodes(count: number): VisibleNode[] {
  return Array.from({ length: count }, (_, n) => {
    const team = n % TEAMS;
    const isRouter = n < ROUTERS;
    const isLaptop = !isRouter && n % 3 === 0;
    const routes = isRouter ? [`10.${n}.0.0/16`] : [];
    const exitNode = n >= ROUTERS && n < ROUTERS + 10;
    return {
      id: `node-${n}`,
      address4: `100.${64 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`,
      address6: `fd00::${(n + 1).toString(16)}`,
      tags: isLaptop ? [] : isRouter ? ['router'] : [`team${team}`, n % 2 === 0 ? 'server' : 'worker'],
      owner: isLaptop ? `user${n}@example.com` : '',
      offers: { routes, exitNode },
      approvedRoutes: routes,
      exitNodeApproved: exitNode,
      approved: true,
      disabled: false,
    };
  });
}

/** Of every kind that policies of the field have: groups, tags, networks, single addresses, own machines, the Internet. */
export function benchPolicy(rules: number, nodes: number): string {
  const groups: Record<string, string[]> = {};
  for (let team = 0; team < TEAMS; team++) groups[`group:team${team}`] = [];
  for (let n = ROUTERS; n < nodes; n++) {
    if (n % 3 === 0) groups[`group:team${n % TEAMS}`]?.push(`user${n}@example.com`);
  }
  const kinds = [
    (i: number) => ({ src: [`group:team${i % TEAMS}`], dst: [`tag:team${i % TEAMS}:22,443`] }),
    (i: number) => ({ src: [`tag:team${i % TEAMS}`], dst: [`tag:team${(i + 1) % TEAMS}:5432`] }),
    (i: number) => ({ src: [`group:team${i % TEAMS}`], dst: [`10.${i % ROUTERS}.0.0/16:*`] }),
    (i: number) => ({ src: [`100.64.${i % 32}.7`], dst: ['tag:server:9100'] }),
    (i: number) => ({ src: [`tag:team${i % TEAMS}`], dst: [`100.64.${i % 32}.9:514`], proto: 'udp' }),
    () => ({ src: ['autogroup:member'], dst: ['autogroup:self:*'] }),
    (i: number) => ({ src: [`group:team${i % TEAMS}`], dst: ['autogroup:internet:*'] }),
  ];
  const acls = Array.from({ length: rules }, (_, i) => ({
    action: 'accept',
    ...(kinds[i % kinds.length] as (i: number) => object)(Math.floor(i / kinds.length)),
  }));
  return JSON.stringify({ groups, acls }, null, 2);
}

function timed<T>(work: () => T): [number, T] {
  const start = performance.now();
  const result = work();
  return [performance.now() - start, result];
}

/** What a network under a policy costs its coordinator. */
export interface PolicyCost {
  /** Parsing and compiling, ms. */
  compile: number;
  /** Of the snapshot that a node is sent, bytes: the mean and the most over the nodes looked at. */
  snapshotBytes: number;
  largestSnapshotBytes: number;
  /** Of what of it is the filter, the mean. */
  filterBytes: number;
  /** Peers of a node, the mean. */
  peers: number;
}

/** As many nodes have their snapshot made and encoded, evenly over the network. */
const SNAPSHOTS = 100;

export function policyCost(count: number, rules: number): PolicyCost {
  const nodes = benchNodes(count);
  const text = benchPolicy(rules, count);
  const [compile, visibility] = timed(() => new Visibility(NETWORK, nodes, { document: text }));
  if (visibility.problem !== null) throw new Error(`the policy of the benchmark: ${visibility.problem}`);
  const members = new Map(nodes.map((node, n) => [node.id, mapNode(node, n)]));
  const network = { ...NETWORK, epoch: 'bench', relays: [], settings: DEFAULT_SETTINGS };
  const sizes: number[] = [];
  let filters = 0;
  let peers = 0;
  for (let n = 0; n < count; n += Math.max(1, Math.floor(count / SNAPSHOTS))) {
    const { id } = nodes[n] as VisibleNode;
    const seen = [...visibility.peersOf(id)].map((peer) => members.get(peer) as MapNode);
    const view = snapshotFor(members.get(id) as MapNode, network, seen, 0, {
      carriedBy: (peer) => visibility.carriedFor(id, peer),
      filter: () => visibility.filterOf(id),
      notices: () => [],
      devices: () => [],
    });
    const facts = { serverTime: 0, observedAddress: '192.0.2.1' };
    const size = Snapshot.encode(snapshotMessage(view, facts)).finish().length;
    const bare = { ...view, self: { ...view.self, filter: null } };
    filters += size - Snapshot.encode(snapshotMessage(bare, facts)).finish().length;
    peers += seen.length;
    sizes.push(size);
  }
  const sum = sizes.reduce((all, size) => all + size, 0);
  return {
    compile,
    snapshotBytes: sum / sizes.length,
    largestSnapshotBytes: Math.max(...sizes),
    filterBytes: filters / sizes.length,
    peers: peers / sizes.length,
  };
}

/** With what a host on the Internet behind a NAT reports. */
function mapNode(node: VisibleNode, n: number): MapNode {
  return {
    ...node,
    name: `host-${n}`,
    publicKey: Buffer.alloc(32, n & 255).toString('base64'),
    endpoints: [`192.0.2.${n & 255}:51820`, `10.1.${(n >> 8) & 255}.${n & 255}:51820`],
    online: true,
    ephemeral: false,
    keyExpiresAt: 0,
    homeRelay: 'relay-1',
    viewVersion: 1,
    offeredSegments: [],
    approvedSegments: [],
    preferredRoutes: [],
  };
}

function measure(count: number, rules: number): string[] {
  const nodes = benchNodes(count);
  const text = benchPolicy(rules, count);
  const [parsing, { document }] = timed(() => parsePolicy(text));
  if (document === null) throw new Error('the policy of the benchmark is not in order');
  const [compiling, policy] = timed(() => new CompiledPolicy(document, NETWORK, nodes.map(policyNode)));
  let blocks = 0;
  let inFilters = 0;
  const [filtering] = timed(() => {
    for (const { id } of nodes) {
      for (const rule of policy.filterOf(id)) {
        inFilters++;
        blocks += rule.sources.length + rule.destinations.length;
      }
    }
  });
  let peers = 0;
  const [seeing] = timed(() => {
    for (const { id } of nodes) for (const _ of policy.peersOf(id)) peers++;
  });
  const { meetings } = policy.groups();

  const visibility = new Visibility(NETWORK, nodes, { document: text });
  const moved = { ...(nodes[count - 1] as VisibleNode), tags: ['team7', 'server'] };
  let told = 0;
  const tell = (version: number) => {
    for (const { id } of nodes) {
      const {
        peers: news,
        gone,
        self,
      } = visibility.differenceSince(id, version) as NonNullable<ReturnType<Visibility['differenceSince']>>;
      if (news.length + gone.length > 0 || self) told++;
    }
  };
  const [retagging] = timed(() => {
    visibility.advance({ from: 1, version: 2, changed: [moved], removed: [], policy: null });
    tell(1);
  });
  const toldOfTags = told;
  told = 0;
  const [reporting] = timed(() => {
    visibility.advance({ from: 2, version: 3, changed: [{ ...moved }], removed: [], policy: null });
    tell(2);
  });
  const next = JSON.stringify({ ...JSON.parse(text), tests: [] }).replace(':5432', ':5433');
  told = 0;
  const [replacing] = timed(() => {
    visibility.advance({ from: 3, version: 4, changed: [], removed: [], policy: { document: next } });
    tell(3);
  });
  const ms = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
  return [
    `${count} × ${rules}`,
    ms(parsing),
    ms(compiling),
    ms(filtering),
    (inFilters / count).toFixed(1),
    (blocks / count).toFixed(0),
    ms(seeing),
    (peers / count).toFixed(0),
    String(meetings.length),
    ms(reporting),
    `${ms(retagging)} (${toldOfTags} told)`,
    `${ms(replacing)} (${told} told)`,
  ];
}

const HEADINGS = [
  'NODES × RULES',
  'PARSE',
  'COMPILE',
  'ALL FILTERS',
  'RULES EACH',
  'CIDRS EACH',
  'ALL PEERS',
  'PEERS EACH',
  'MEETINGS',
  'ENDPOINT',
  'TAG',
  'POLICY',
];

if (import.meta.main) {
  const [count = 10_000, rules = 500] = process.argv.slice(2).map(Number);
  measure(Math.max(200, count / 10), rules);
  const rows = [measure(Math.max(200, count / 10), rules), measure(count, rules), measure(count, 1)];
  process.stdout.write(textTable(HEADINGS, rows));
}
