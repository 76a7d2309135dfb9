/**
 * `npm run bench:start`: how long `agent up` takes to the first ping that is answered through the mesh, and where the time goes.
 *
 *     npm run bench:start -- --rounds 20     more rounds (10)
 *
 * Two agents on one switch; one is up, the other is started again and again. The first two starts are not counted: they fill
 * the disk cache and the cache of compiled code.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { meshOnOneSwitch, type TestAgent } from '../support/mesh.ts';
import { Lab } from '../support/netns.ts';
import type { Child } from '../support/process.ts';
import { formatTable } from '../support/table.ts';
import { spread } from './statistics.ts';

/** What is seen from outside, in order. */
const MILESTONES = [
  { key: 'node', name: 'Node.js runs (launcher)' },
  { key: 'state', name: 'code loaded, state read' },
  { key: 'tunnel', name: 'tunnel open (worker, TUN, UDP)' },
  { key: 'mesh', name: 'saved map applied, "mesh is up"' },
  { key: 'ping', name: 'first ping answered' },
] as const;
type Milestone = (typeof MILESTONES)[number]['key'];

/** Milliseconds from the start to each milestone. */
async function start(agent: TestAgent, address: string): Promise<Record<Milestone, number>> {
  const begin = performance.now();
  const since = () => performance.now() - begin;
  const up = agent.up('--log-level', 'info');
  const child = agent.process as Child;
  const at = (pattern: RegExp) => child.waitForOutput(pattern).then(since);
  const [node, state, tunnel, mesh, ping] = await Promise.all([
    untilNode(child).then(since),
    at(/^joined /m),
    at(/the tunnel is open/),
    up.then(since),
    firstAnswer(agent, address).then(since),
  ]);
  await agent.stop();
  return { node, state, tunnel, mesh, ping };
}

/** The launcher replaces itself by Node.js, whose main thread has a name of its own. */
async function untilNode(child: Child): Promise<void> {
  while (!/^(node|MainThread)$/.test(readFileSync(`/proc/${child.pid}/comm`, 'utf8').trim())) await turn();
}

/** Pings every 10 ms until one is answered: what comes before the route is lost, and does not hold up the next. */
async function firstAnswer(agent: TestAgent, address: string): Promise<void> {
  for (;;) {
    const args = ['-n', '-i', '0.01', '-c', '500', '-w', '5', address];
    const child = agent.host.spawn('ping', args);
    const answered = await Promise.race([
      child.waitForOutput(/bytes from/).then(
        () => true,
        () => false,
      ),
      child.exited.then(() => false),
    ]);
    await child.end('SIGINT');
    if (answered) return;
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

const { rounds } = parseArgs({ options: { rounds: { type: 'string', default: '10' } } }).values;
const count = Number(rounds);
if (!Number.isInteger(count) || count < 1) {
  console.error(`bench: --rounds ${rounds}: expected a whole number from 1`);
  process.exit(2);
}
await using lab = new Lab();
const { coordinator, agents } = await meshOnOneSwitch(lab, ['a', 'b']);
await coordinator.start();
for (const agent of [agents.a, agents.b]) await agent.join(await coordinator.token());
await agents.a.knows(1);
const address = (await agents.b.addresses())[0] as string;
await agents.a.stop();
const samples: Record<Milestone, number>[] = [];
for (let round = -2; round < count; round++) {
  const sample = await start(agents.a, address);
  if (round >= 0) samples.push(sample);
}

const cells = (values: number[]) => {
  const { min, median, max } = spread(values);
  return [median, min, max].map((value) => value.toFixed(0));
};
const rows = MILESTONES.map(({ key, name }, index) => {
  const before = MILESTONES[index - 1]?.key;
  const parts = samples.map((sample) => sample[key] - (before === undefined ? 0 : sample[before]));
  return [name, ...cells(parts), ...cells(samples.map((sample) => sample[key])).slice(0, 1)];
});
console.log(`\`agent up\`, milliseconds, ${count} rounds\n`);
console.log(formatTable([['until', 'median', 'least', 'most', 'since the start'], ...rows]));
