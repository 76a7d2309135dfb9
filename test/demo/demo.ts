/**
 * `npm run demo`: a coordinator and three agents as they run on real hosts, in network namespaces of this machine.
 *
 *     coordinator        berlin           oslo             lima
 *     192.0.2.1          192.0.2.11       192.0.2.12       192.0.2.13
 *     2001:db8::1        2001:db8::11     2001:db8::12     2001:db8::13
 *         └────────────────┴── internet (a switch) ──┴────────┘
 *
 * Ends on Ctrl-C, or by itself with --check: 0 if every ping came back, 1 if not. Leaves nothing behind. Needs no
 * internet, and may run more than once at a time. `--driver portable` has the agents use that driver.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { lacks } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import type { Child } from '../support/process.ts';
import { formatTable } from '../support/table.ts';
import { waitFor } from '../support/wait-for.ts';
import { relayFromLoopback } from './relay-to-host.ts';

const ROOT = join(import.meta.dirname, '../..');
const COORDINATOR = join(ROOT, 'bin/coordinator');
const AGENT = join(ROOT, 'bin/agent');
const AGENTS = ['berlin', 'oslo', 'lima'];
const PINGS = 3;

interface DemoAgent {
  name: string;
  host: TestHost;
  state: string;
  process: Child;
  addresses: string[];
}

interface Status {
  self: { addresses: string[] };
  peers: { addresses: string[]; path: string; endpoint: string | null }[];
}

const start = performance.now();
const say = (text: string) => console.log(text);
const step = (text: string) =>
  say(`${((performance.now() - start) / 1000).toFixed(1).padStart(5)} s  ${text}`);

async function startCoordinator(lab: Lab, internet: TestHost) {
  const host = await lab.host('coordinator');
  await lab.plug(host, internet, ['192.0.2.1/24', '2001:db8::1/64']);
  const data = lab.directory('coordinator');
  const socket = join(lab.directory('admin'), 'socket');
  const { port, server } = await relayFromLoopback(socket, 8080);
  const admin = `127.0.0.1:${port}`;
  const process = host.spawn(COORDINATOR, ['serve', '--data', data, '--admin', admin]);
  await process.waitForOutput(/coordinator ready/);
  const relay = host.spawn(join(ROOT, 'bin/warren-node'), [
    join(import.meta.dirname, 'relay-to-host.ts'),
    ...[socket, '127.0.0.1', String(port)],
  ]);
  await relay.waitForOutput(/passing on/);
  return { host, data, process, server, admin };
}

async function startAgent(lab: Lab, internet: TestHost, name: string, index: number, token: string) {
  const host = await lab.host(name);
  await lab.plug(host, internet, [`192.0.2.${11 + index}/24`, `2001:db8::${11 + index}/64`]);
  const state = join(lab.directory(name), 'state');
  const process = host.spawn(
    AGENT,
    [
      ...['join', '--token-file', '-', '--state', state, '--hostname', name],
      ...(driver === undefined ? [] : ['--driver', driver]),
    ],
    { input: token },
  );
  const [, addresses] = await process.waitForOutput(/joined \S+ with ([^\n]*)/);
  step(`${name} has joined with ${addresses}`);
  await process.waitForOutput(/mesh is up/);
  return { name, host, state, process, addresses: [] } satisfies DemoAgent as DemoAgent;
}

async function status(agent: DemoAgent): Promise<Status> {
  return JSON.parse(await agent.host.runOk(AGENT, ['status', '--json', '--state', agent.state]));
}

/** One line of the result: round trip and path, or what went wrong. */
async function pingPair(
  from: DemoAgent,
  to: DemoAgent,
  address: string,
): Promise<{ row: string[]; good: boolean }> {
  const { stdout } = await from.host.run('ping', ['-n', '-q', `-c${PINGS}`, '-i0.2', '-W2', address]);
  const received = Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
  const average = /= [\d.]+\/([\d.]+)\//.exec(stdout)?.[1];
  const peer = (await status(from)).peers.find((each) => each.addresses.includes(address));
  const good = received === PINGS;
  const path = peer ? `${peer.path}${peer.endpoint ? ` ${peer.endpoint}` : ''}` : 'unknown peer';
  const result = good ? `${Number(average).toFixed(2)} ms` : 'FAILED';
  return { row: [from.name, to.name, address, `${received}/${PINGS}`, result, path], good };
}

/** Starts everything, pings every pair in both families, prints the table. Whether all came back. */
async function demonstrate(lab: Lab): Promise<{ good: boolean; children: Child[]; close: () => void }> {
  step('starting a coordinator and three agents in network namespaces');
  const internet = await lab.switch('internet');
  const coordinator = await startCoordinator(lab, internet);
  step('the coordinator is ready');
  const token = () => coordinator.host.runOk(COORDINATOR, ['token', 'create', '--data', coordinator.data]);
  const agents = await Promise.all(
    AGENTS.map(async (name, index) => startAgent(lab, internet, name, index, (await token()).trim())),
  );
  for (const agent of agents)
    await waitFor(`${agent.name} to know the others`, async () => {
      const { self, peers } = await status(agent);
      agent.addresses = self.addresses;
      return peers.length === agents.length - 1;
    });
  step('the mesh is up; pinging every pair through it');
  const rows = [['from', 'to', 'address', 'pings', 'round trip', 'path']];
  let good = true;
  for (const from of agents)
    for (const to of agents.filter((other) => other !== from))
      for (const address of to.addresses) {
        const result = await pingPair(from, to, address);
        rows.push(result.row);
        good &&= result.good;
      }
  say(`\n${formatTable(rows)}\n`);
  const link = await coordinator.host.runOk(COORDINATOR, ['admin', 'link', '--data', coordinator.data]);
  say(`Admin page:    http://${coordinator.admin}`);
  say(`  to sign in:  ${link.trim()}`);
  say(`               (good once; another: bin/coordinator admin link --data ${coordinator.data})`);
  const [first, second] = agents as [DemoAgent, DemoAgent, DemoAgent];
  say(`Look around:   ip netns exec ${first.host.namespace} ping ${second.addresses[0]}`);
  say(`               ip netns exec ${first.host.namespace} ${AGENT} status --state ${first.state}`);
  const children = [coordinator.process, ...agents.map((agent) => agent.process)];
  return { good, children, close: () => coordinator.server.close() };
}

function options() {
  try {
    return parseArgs({
      options: { check: { type: 'boolean', default: false }, driver: { type: 'string' } },
    }).values;
  } catch (error) {
    console.error(
      `demo: ${(error as Error).message.split('\n')[0]}: expected --check, --driver linux|portable`,
    );
    process.exit(2);
  }
}

const { check, driver } = options();
for (const reason of [lacks('root'), lacks('tun')])
  if (reason !== null) {
    console.error(`demo: ${reason}: network namespaces need root, agents need the tun module (modprobe tun)`);
    process.exit(1);
  }

const interrupted = new Promise<'interrupted'>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => resolve('interrupted'));
});
const lab = new Lab({ handleSignals: false });
let exitCode = 1;
let close = () => {};
try {
  const result = await Promise.race([demonstrate(lab), interrupted]);
  if (result !== 'interrupted') {
    close = result.close;
    exitCode = result.good ? 0 : 1;
    if (!check) {
      say('\nEverything stays up until Ctrl-C.');
      const ended = Promise.race(
        result.children.map(async (child) => ({ status: await child.exited, output: child.output })),
      );
      const end = await Promise.race([interrupted, ended]);
      if (end !== 'interrupted') {
        exitCode = 1;
        say(`A program of the demo ended by itself, with ${end.status}; it had said:\n${end.output}`);
      }
    }
  } else exitCode = 130;
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : error}`);
} finally {
  say('taking everything down …');
  close();
  await lab.close();
}
if (check) say(exitCode === 0 ? 'demo: every pair reached each other' : 'demo: failed');
process.exit(exitCode);
