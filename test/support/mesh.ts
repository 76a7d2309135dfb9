/** A coordinator and agents as they run on real hosts: the programs of bin/ in the namespaces of a `Lab`. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { askAgent } from '../../agent/local-api/client.ts';
import type { Status } from '../../agent/status.ts';
import type { Lab, TestHost } from './netns.ts';
import { type Child, type RunResult, runOk } from './process.ts';
import { waitFor } from './wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');
export const AGENT = join(ROOT, 'bin/agent');
export const COORDINATOR = join(ROOT, 'bin/coordinator');

/** `coordinator serve` on a host of its own, and the verbs that administer it. */
export class TestCoordinator {
  readonly host: TestHost;
  readonly data: string;
  process: Child | null = null;
  readonly #flags: readonly string[];

  constructor(host: TestHost, data: string, flags: readonly string[] = []) {
    this.host = host;
    this.data = data;
    this.#flags = flags;
  }

  async start(): Promise<Child> {
    const flags = ['--data', this.data, '--log-level', 'trace', ...this.#flags];
    this.process = this.host.spawn(COORDINATOR, ['serve', ...flags]);
    await this.process.waitForOutput(/coordinator ready/);
    return this.process;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    return this.process === null ? 0 : this.process.end(signal);
  }

  /** A verb with `--data`; its standard output. */
  verb(...args: string[]): Promise<string> {
    return runOk(COORDINATOR, [...args, '--data', this.data]);
  }

  async token(...flags: string[]): Promise<string> {
    return (await this.verb('token', 'create', ...flags)).trim();
  }
}

/** `coordinator relay` on a host of its own. */
export class TestRelay {
  readonly host: TestHost & { readonly ip: string };
  readonly data: string;
  process: Child | null = null;

  constructor(host: TestHost & { readonly ip: string }, data: string) {
    this.host = host;
    this.data = data;
  }

  /** Until it is connected to its coordinator. `token`: needed the first time. `program`: what is `bin/coordinator` but for more. */
  async start(
    token: string | null,
    program: readonly [string, ...string[]] = [COORDINATOR],
    ...flags: string[]
  ): Promise<Child> {
    const [file, ...before] = program;
    const url = ['--url', `https://${this.host.ip}:8443`];
    const args = [...before, 'relay', '--data', this.data, ...url, ...flags];
    const withToken = token === null ? [] : ['--token', '-'];
    this.process = this.host.spawn(file, [...args, ...withToken], token === null ? {} : { input: token });
    await this.process.waitForOutput(/connected to the coordinator/);
    return this.process;
  }
}

/** One agent: its host, its state folder, and the program while it runs. */
export class TestAgent {
  readonly host: TestHost;
  readonly name: string;
  readonly state: string;
  process: Child | null = null;

  constructor(host: TestHost, name: string, state: string) {
    this.host = host;
    this.name = name;
    this.state = state;
  }

  /** `agent join`, the token on standard input, until the mesh is up. */
  async join(token: string, ...flags: string[]): Promise<Child> {
    const args = ['join', '-', '--state', this.state, '--hostname', this.name, ...flags];
    this.process = this.host.spawn(AGENT, args, { input: token });
    await this.process.waitForOutput(/^mesh is up$/m);
    return this.process;
  }

  /** `agent up`, until the mesh is up. */
  async up(...flags: string[]): Promise<Child> {
    this.process = this.host.spawn(AGENT, ['up', '--state', this.state, ...flags]);
    await this.process.waitForOutput(/^mesh is up$/m);
    return this.process;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    return this.process === null ? 0 : this.process.end(signal);
  }

  /** A verb with `--state`, to its end. */
  run(...args: string[]): Promise<RunResult> {
    return this.host.run(AGENT, [...args, '--state', this.state]);
  }

  /** What `agent status --json` prints, without a process for it: tests ask often. */
  status(): Promise<Status> {
    return askAgent<Status>(join(this.state, 'agent.sock'), 'status');
  }

  async addresses(): Promise<string[]> {
    return (await this.status()).self.addresses;
  }

  /** Waits until this agent knows so many peers that are online, and has brought its host to what that map wants. */
  async knows(peers: number): Promise<Status> {
    return waitFor(`${this.name} to know ${peers} peers`, async () => {
      const status = await this.status();
      const online = status.peers.filter((peer) => peer.online);
      const applied = this.#appliedPeers();
      return online.length === peers && online.every(({ name }) => applied.includes(name)) ? status : null;
    });
  }

  /** Names of the peers of the map that is in force: an agent saves it when all of it is. */
  #appliedPeers(): string[] {
    const { map } = JSON.parse(readFileSync(join(this.state, 'map.json'), 'utf8'));
    return map.peers.map((peer: { name: string }) => peer.name);
  }

  /** Whether one ICMP echo comes back within `seconds`. Where one must, waiting long costs nothing. */
  async pings(address: string, seconds = 15): Promise<boolean> {
    const { status } = await this.host.run('ping', ['-n', '-c1', `-W${seconds}`, address]);
    return status === 0;
  }
}

/**
 * A coordinator and named agents on one switch, none of them running:
 *
 *     coordinator 192.0.2.1, 2001:db8::1      first agent 192.0.2.11, 2001:db8::11      second 192.0.2.12 …
 */
export async function meshOnOneSwitch<Name extends string>(
  lab: Lab,
  names: readonly Name[],
  flags: readonly string[] = [],
): Promise<{ wire: TestHost; coordinator: TestCoordinator; agents: Record<Name, TestAgent> }> {
  const wire = await lab.switch('wire');
  const host = await lab.host('coord');
  await lab.plug(host, wire, ['192.0.2.1/24', '2001:db8::1/64']);
  const coordinator = new TestCoordinator(host, lab.directory('coordinator'), flags);
  const agents = {} as Record<Name, TestAgent>;
  for (const [index, name] of names.entries()) {
    const agentHost = await lab.host(name);
    await lab.plug(agentHost, wire, [`192.0.2.${11 + index}/24`, `2001:db8::${11 + index}/64`]);
    agents[name] = new TestAgent(agentHost, name, join(lab.directory(name), 'state'));
  }
  return { wire, coordinator, agents };
}

/** What of an agent is still on its host: devices, addresses, routes and rules by name; empty is clean. */
export async function leftovers(agent: TestAgent, interfaceName = 'warren0'): Promise<string[]> {
  const left: string[] = [];
  const links = await agent.host.ip('-o link show');
  if (links.includes(interfaceName)) left.push(`device ${interfaceName}`);
  for (const family of ['-4', '-6']) {
    if ((await agent.host.ip(`${family} route show table all proto 87`)).trim() !== '')
      left.push(`${family} routes`);
    const rules = (await agent.host.ip(`${family} rule show`)).trim().split('\n').length;
    if (rules > (family === '-4' ? 3 : 2)) left.push(`${family} rules`);
  }
  if (existsSync(join(agent.state, 'agent.sock'))) left.push('agent.sock');
  return left;
}
