/**
 * What the policy costs: `bin/warren-node test/bench/policy.ts [NODES] [RULES]`. Compiling for a whole network, what a filter and a
 * map come to, and what a change of one node or of the policy costs for all. Compared within one run: the policy that everybody
 * may, and the same rules for a tenth of the nodes.
 */

import { CompiledPolicy } from '../../coordinator/network/policy/compile.ts';
import { parsePolicy } from '../../coordinator/network/policy/parse.ts';
import { policyNode } from '../../coordinator/network/policy/policy-node.ts';
import { Visibility, type VisibleNode } from '../../coordinator/network/visibility.ts';
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
