/**
 * `docker compose run --rm check`: every member of the network pings every other through the mesh, and the page of the southern
 * office is fetched from the northern one by its name. Prints who reaches whom by which path, and ends with 0 if all do, else with 1.
 *
 * The socket of each agent is in its folder, NAME of /agents/NAME.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { askAgent } from '../../agent/local-api/client.ts';
import type { Status } from '../../agent/status.ts';
import { textTable } from '../../shared/text-table.ts';

const AGENTS = '/agents';
/** Members that run plain WireGuard. */
const DEVICES = ['phone'];
const PAGE = 'http://web.south.example/';
/** The network is given so long to be whole, milliseconds. */
const PATIENCE = 90_000;
/** And then so long for a direct path to be found; without one the relay's counts. */
const PATIENCE_FOR_DIRECT = 10_000;

interface Ping {
  milliseconds: number | null;
  path: string;
}

const agents = readdirSync(AGENTS);
const members = [...agents, ...DEVICES].sort();
/** Of each member, in the mesh. */
const addresses = new Map<string, string>();
const deadline = performance.now() + PATIENCE;

async function attempt<T>(work: () => Promise<T>): Promise<T | null> {
  return work().catch(() => null);
}

/** What `work` gives when it is not null any more, or null at the deadline. */
async function until<T>(end: number, work: () => Promise<T | null>): Promise<T | null> {
  for (;;) {
    const result = await attempt(work);
    if (result !== null || performance.now() > end) return result;
    await sleep(500);
  }
}

const socketOf = (name: string) => join(AGENTS, name, 'agent.sock');

/** What the agent of `name` knows, once it knows all that there are; at the deadline who is not there yet has no address. */
async function statusOf(name: string, count: number): Promise<Status | null> {
  return until(deadline, async () => {
    const status = await askAgent<Status>(socketOf(name), 'status');
    return status.peers.length >= count - 1 ? status : null;
  });
}

async function once(from: string, target: string): Promise<Ping | null> {
  const answer = agents.includes(from)
    ? await askAgent<Ping>(socketOf(from), 'ping', { target })
    : await askDevice(from, target);
  return answer.milliseconds === null ? null : answer;
}

/** A plain WireGuard client, asked through the mesh to ping (phone.mjs). */
async function askDevice(from: string, target: string): Promise<Ping> {
  const url = `http://${addresses.get(from)}:8000/${addresses.get(target)}`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  return { path: 'WireGuard', ...((await answer.json()) as { milliseconds: number | null }) };
}

/** Until it is answered, and then for a while until the path is direct. */
async function reach(from: string, target: string): Promise<void> {
  const first = await until(deadline, () => once(from, target));
  if (first === null || first.path !== 'relay') return;
  await until(performance.now() + PATIENCE_FOR_DIRECT, async () => {
    const answer = await once(from, target);
    return answer?.path === 'direct' ? answer : null;
  });
}

async function fetchPage(): Promise<string | null> {
  return until(deadline, async () => {
    const answer = await fetch(PAGE, { signal: AbortSignal.timeout(5_000) });
    return answer.ok ? (await answer.text()).trim() : null;
  });
}

for (const status of await Promise.all(agents.map((name) => statusOf(name, members.length)))) {
  for (const { name, addresses: own } of status === null ? [] : [status.self, ...status.peers])
    addresses.set(name, own[0] as string);
}
const pairs = members.flatMap((from) => members.filter((to) => to !== from).map((to) => ({ from, to })));
await Promise.all(pairs.map(({ from, to }) => reach(from, to)));

const results = new Map<string, Ping | null>();
// One by one, so that none measures the others' work.
for (const { from, to } of pairs) results.set(`${from} ${to}`, await attempt(() => once(from, to)));
const words = (cell: Ping | null | undefined) =>
  cell === undefined ? '·' : cell === null ? 'NO ANSWER' : `${cell.path} ${cell.milliseconds?.toFixed(1)} ms`;
process.stdout.write(
  textTable(
    ['FROM \\ TO', ...members],
    members.map((from) => [from, ...members.map((to) => words(results.get(`${from} ${to}`)))]),
  ),
);

const page = await fetchPage();
process.stdout.write(`\n${PAGE} from the northern office: ${page ?? 'NO ANSWER'}\n`);
const failures = [...results.values()].filter((result) => result === null).length;
process.stdout.write(
  failures === 0 && page !== null
    ? 'every pair reaches each other\n'
    : `${failures} pairs without an answer\n`,
);
process.exitCode = failures === 0 && page !== null ? 0 : 1;
