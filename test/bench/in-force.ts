/**
 * How soon a policy is in force: `bin/warren-node test/bench/in-force.ts [AGENTS]`. Agents of ten tags hang on the real coordinator
 * by gRPC over TLS; from another process, as by the command line, policies are applied that change what each of them is told. Printed
 * is the time from the commit until an agent has its part, over all agents: the least, the median, the most. The agents are in one
 * process on the same machine, so that their own work counts too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openStore } from '../../coordinator/store/open.ts';
import { textTable } from '../../shared/text-table.ts';
import { BenchCoordinator } from './light-agents.ts';
import { spread } from './statistics.ts';

const TAGS = 10;
const SETTLED = 3_000;

const count = Number(process.argv[2] ?? 500);
/** Each tag may reach the next one, at a port; so each agent sees two tenths of the network. */
const byTags = (port: number) =>
  JSON.stringify({
    acls: Array.from({ length: TAGS }, (_, n) => ({
      action: 'accept',
      src: [`tag:t${n}`],
      dst: [`tag:t${(n + 1) % TAGS}:${port}`],
    })),
  });
const everybody = (port: string) =>
  JSON.stringify({ acls: [{ action: 'accept', src: ['*'], dst: [`*:${port}`] }] });

const CHANGES: readonly (readonly [string, string])[] = [
  ['the first policy: each loses four fifths of its peers', byTags(443)],
  ['other ports: nobody comes or goes', byTags(8443)],
  ['everybody may reach everybody again', everybody('*')],
  ['other ports for everybody', everybody('443')],
];

const coordinator = await BenchCoordinator.start();
try {
  const tokens: string[] = [];
  for (let n = 0; n < TAGS; n++) {
    tokens.push((await coordinator.run('token', 'create', '--reusable', '--tag', `t${n}`)).trim());
  }
  /** When each agent heard of the policy that is waited for: it comes with the agent's own filter. */
  let arrivals = new Map<number, number>();
  let lastHeard = 0;
  await coordinator.join(
    count,
    (n) => tokens[n % TAGS] as string,
    (n, message, at) => {
      if (message.$case !== 'delta' && message.$case !== 'snapshot') return;
      lastHeard = at;
      const filter = message.value.self?.filter;
      if (filter !== undefined && !arrivals.has(n)) arrivals.set(n, at);
    },
  );
  const store = await openStore({ dataDir: coordinator.data });
  const rows: string[][] = [];
  for (const [what, document] of CHANGES) {
    while (performance.now() - lastHeard < SETTLED) await sleep(100);
    arrivals = new Map();
    const before = coordinator.processorSeconds();
    await store.applyPolicy(document, Date.now(), { actor: 'bench', source: '' });
    const committed = performance.now();
    const isWaited = () => {
      for (let n = 0; n < count; n++) if (!arrivals.has(n) && !coordinator.lost.has(n)) return true;
      return false;
    };
    while (isWaited()) await sleep(10);
    const times = [...arrivals.values()].map((at) => at - committed).sort((a, b) => a - b);
    const ms = (time: number) => `${Math.max(0, time).toFixed(0)} ms`;
    rows.push([
      what,
      ms(times[0] as number),
      ms(spread(times).median),
      ms(times.at(-1) as number),
      `${(coordinator.processorSeconds() - before).toFixed(1)} s`,
    ]);
  }
  await store.close();
  for (const [n, why] of coordinator.lost) console.error(`host-${n} was lost: ${why}`);
  process.stdout.write(
    textTable(
      [`${count - coordinator.lost.size} AGENTS`, 'FIRST', 'MEDIAN', 'LAST', "COORDINATOR'S PROCESSOR"],
      rows,
    ),
  );
} finally {
  await coordinator.end();
}
process.exit(0);
