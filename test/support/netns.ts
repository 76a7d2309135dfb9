/**
 * Test hosts as network namespaces. A `Lab` makes hosts, cables and switches, and `close()` ends every process in
 * them by pid and removes them; it does so too when the test process ends or is interrupted.
 *
 *     const lab = new Lab();                     //    a ─── switch ─── b        192.0.2.0/24, 2001:db8::/64
 *     const a = await lab.host('a'), b = await lab.host('b');
 *     const net = await lab.switch('net');
 *     await lab.plug(a, net, ['192.0.2.1/24', '2001:db8::1/64']);
 *     await lab.plug(b, net, ['192.0.2.2/24', '2001:db8::2/64']);
 *     await a.runOk('ping', ['-c1', '192.0.2.2']);
 *     const agent = a.spawn(agentBinary, ['up', '--state', lab.directory('a')]);
 *     await agent.waitForOutput(/mesh is up/);
 *     await lab.close();
 *
 * Everything made carries this process's pid in its name, so that tests, demos and benchmarks can run side by side.
 * Nothing is made in the machine's own namespace but the names themselves.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, type RunOptions, type RunResult, run, runOk } from './process.ts';

/** The beginning of every namespace's name; the test runner looks for what was left behind by it. */
export const NAMESPACE_PREFIX = 'warren-';

let counter = 0;

/** One test host. `run`, `runOk` and `spawn` start programs inside it. */
export class TestHost {
  readonly label: string;
  /** The namespace's name, as `ip netns` knows it. */
  readonly namespace: string;
  readonly children: Child[] = [];
  /** Devices that `Lab.plug` and `Lab.link` made here, in order: eth0, eth1, … */
  devices = 0;

  constructor(label: string, namespace: string) {
    this.label = label;
    this.namespace = namespace;
  }

  run(file: string, args: readonly string[] = [], options?: RunOptions): Promise<RunResult> {
    return run('ip', ['netns', 'exec', this.namespace, file, ...args], options);
  }

  runOk(file: string, args: readonly string[] = [], options?: RunOptions): Promise<string> {
    return runOk('ip', ['netns', 'exec', this.namespace, file, ...args], options);
  }

  /** `ip ARGS` in this host; the arguments as one line, for they hold no spaces. */
  ip(line: string): Promise<string> {
    return runOk('ip', ['-n', this.namespace, ...line.split(' ')]);
  }

  /** Starts a program that runs on; `ip netns exec` becomes the program, so `child.pid` is its own. Ended by `Lab.close`. */
  spawn(file: string, args: readonly string[] = [], options?: RunOptions): Child {
    const child = new Child('ip', ['netns', 'exec', this.namespace, file, ...args], options);
    this.children.push(child);
    return child;
  }

  /** Pids of all that runs in this host, also what detached itself. */
  async pids(): Promise<number[]> {
    const { stdout } = await run('ip', ['netns', 'pids', this.namespace]);
    return stdout.split('\n').filter(Boolean).map(Number);
  }
}

/** The hosts of one test, and what connects them. */
export class Lab {
  readonly #hosts: TestHost[] = [];
  readonly #directories: string[] = [];
  readonly #atEnd: (() => void)[] = [];
  readonly #id = `${process.pid}-${++counter}`;

  /** `handleSignals: false` for a program that closes the lab on SIGINT and SIGTERM itself; its exit cleans up still. */
  constructor({ handleSignals = true }: { handleSignals?: boolean } = {}) {
    openLabs.add(this);
    cleanUpAtExit();
    if (handleSignals) cleanUpOnSignals();
  }

  /** A new host with loopback up, no cable yet, and IPv6 without duplicate address detection. */
  async host(label: string): Promise<TestHost> {
    const host = new TestHost(label, `${NAMESPACE_PREFIX}${this.#id}-${label}`);
    this.#hosts.push(host);
    await runOk('ip', ['netns', 'add', host.namespace]);
    // Link-local addresses too: a router without one asks for no neighbour, and waits up to 2 s to have one (RFC 4862, 5.4).
    await host.runOk('sysctl', [
      '-qw',
      'net.ipv6.conf.all.accept_dad=0',
      'net.ipv6.conf.default.accept_dad=0',
    ]);
    await host.ip('link set lo up');
    return host;
  }

  /** A host that is nothing but an Ethernet switch (a bridge named br0). */
  async switch(label: string): Promise<TestHost> {
    const host = await this.host(label);
    await host.ip('link add br0 type bridge');
    await host.ip('link set br0 up');
    return host;
  }

  /** A cable from `host` to a switch. The name of the host's device: eth0, eth1, … */
  async plug(host: TestHost, to: TestHost, addresses: readonly string[], mtu?: number): Promise<string> {
    const [device, port] = await this.#cable(host, to);
    await to.ip(`link set ${port} master br0`);
    if (mtu !== undefined) await to.ip(`link set ${port} mtu ${mtu}`);
    await to.ip(`link set ${port} up`);
    await bringUp(host, device, addresses, mtu);
    return device;
  }

  /** A cable between two hosts. The names of both devices. */
  async link(
    a: TestHost,
    aAddresses: readonly string[],
    b: TestHost,
    bAddresses: readonly string[],
    mtu?: number,
  ): Promise<[string, string]> {
    const devices = await this.#cable(a, b);
    await bringUp(a, devices[0], aAddresses, mtu);
    await bringUp(b, devices[1], bAddresses, mtu);
    return devices;
  }

  async #cable(a: TestHost, b: TestHost): Promise<[string, string]> {
    const names: [string, string] = [`eth${a.devices++}`, `eth${b.devices++}`];
    await runOk('ip', [
      ...['link', 'add', 'name', names[0], 'netns', a.namespace, 'type', 'veth'],
      ...['peer', 'name', names[1], 'netns', b.namespace],
    ]);
    return names;
  }

  /** A device name that no other test uses now: `/var/run/wireguard/NAME.sock` is one folder for all namespaces. */
  interfaceName(prefix = 'wt'): string {
    const name = `${prefix}${process.pid.toString(36)}${(++counter).toString(36)}`;
    if (name.length > 15) throw new Error(`${name} is longer than a device's name may be`);
    return name;
  }

  /** A new empty folder, 0700, removed by `close`. */
  directory(label = 'dir'): string {
    const path = mkdtempSync(join(tmpdir(), `warren-test-${label}-`));
    this.#directories.push(path);
    return path;
  }

  /** Has a file removed by `close`, if it is there then: what another project's program may leave behind. */
  removesAtEnd(path: string): void {
    this.#directories.push(path);
  }

  /** Has something done when all processes have been ended, before folders are removed: what else of this machine was changed. */
  atEnd(work: () => void): void {
    this.#atEnd.push(work);
  }

  /** Ends every process in the hosts (SIGTERM, after 5 s SIGKILL), removes hosts and folders. May be called twice. */
  async close(): Promise<void> {
    const children = this.#hosts.flatMap((host) => host.children);
    await Promise.all(children.filter((child) => child.running).map((child) => child.end('SIGTERM', 5000)));
    this.closeNow();
  }

  /** The same at once and without waiting, for the end of the process. */
  closeNow(): void {
    for (const host of this.#hosts) {
      // By pid first: a child that was started a moment ago may not have entered its namespace yet.
      for (const child of host.children) child.signal('SIGKILL');
      killAll(host.namespace);
      spawnSync('ip', ['netns', 'delete', host.namespace]);
    }
    for (const work of this.#atEnd.splice(0)) work();
    // Retried, for mounts of a process that was killed last a moment longer.
    for (const path of this.#directories) {
      rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    }
    this.#hosts.length = 0;
    this.#directories.length = 0;
    openLabs.delete(this);
  }

  /** `await using lab = new Lab()` closes it at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function bringUp(host: TestHost, device: string, addresses: readonly string[], mtu?: number) {
  if (mtu !== undefined) await host.ip(`link set ${device} mtu ${mtu}`);
  await host.ip(`link set ${device} up`);
  for (const address of addresses) await host.ip(`address add ${address} dev ${device}`);
}

/**
 * Kills what runs in a namespace. One look is not enough: /proc is read process by process, and one that forks and ends
 * meanwhile is seen neither as parent nor as child. Two looks in a row that find nobody are.
 */
function killAll(namespace: string): void {
  for (let empty = 0, looks = 0; empty < 2 && looks < 100; looks++) {
    const pids = (spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' }).stdout ?? '')
      .split('\n')
      .filter(Boolean);
    for (const pid of pids) kill(Number(pid));
    empty = pids.length === 0 ? empty + 1 : 0;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
}

const openLabs = new Set<Lab>();
const registered = { exit: false, signals: false };

function closeAll(): void {
  for (const lab of [...openLabs]) lab.closeNow();
}

function cleanUpAtExit(): void {
  if (registered.exit) return;
  registered.exit = true;
  process.on('exit', closeAll);
}

function cleanUpOnSignals(): void {
  if (registered.signals) return;
  registered.signals = true;
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const)
    process.once(signal, () => {
      closeAll();
      // vitest may have more to say at its end; where nobody listens, end as the signal would have it.
      if (process.listenerCount(signal) === 0) process.exit(128 + number);
    });
}
