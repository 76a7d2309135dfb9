/**
 * A Docker engine of a test's own, beside which another may run: in namespaces for mounts, processes and the network, which take
 * everything with them when they go, containers too. By a cable and this machine's address it reaches what builds need.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createReadStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeGroups } from './control-groups.ts';
import type { Need } from './needs.ts';
import { Lab, type TestHost } from './netns.ts';
import { Child, onlyChildOf, type RunOptions, type RunResult, run, runOk } from './process.ts';
import { waitFor } from './wait-for.ts';

/** Link-local (RFC 3927), so that it is nobody's network. */
const [OURS, THEIRS] = ['169.254.87.1', '169.254.87.2'];

/** What an engine needs. */
export const ENGINE_NEEDS: readonly Need[] = [
  'root',
  'tun',
  'nft',
  'iptables',
  'cgroups',
  'dockerd',
  'docker',
  'docker-compose',
  'debootstrap',
];

export class DockerEngine {
  readonly host: TestHost;
  /** For the test's own files; removed with the engine. */
  readonly directory: string;
  readonly #lab: Lab;
  readonly #process: Child;
  readonly #socket: string;

  private constructor(lab: Lab, host: TestHost, child: Child, socket: string) {
    this.#lab = lab;
    this.host = host;
    this.directory = lab.directory('engine');
    this.#process = child;
    this.#socket = socket;
  }

  static async start(): Promise<DockerEngine> {
    const lab = new Lab();
    const host = await lab.host('docker');
    await openUplink(lab, host);
    const folder = lab.directory('docker');
    const socket = join(folder, 'docker.sock');
    const cgroup = `warren-test-${process.pid}`;
    const child = new Child('nsenter', [
      `--net=/run/netns/${host.namespace}`,
      ...['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...['dockerd', '--host', `unix://${socket}`, '--pidfile', join(folder, 'pid')],
      ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'run')],
      ...['--cgroup-parent', `/${cgroup}`, '--log-level', 'warn'],
    ]);
    host.children.push(child);
    const engine = new DockerEngine(lab, host, child, socket);
    lab.atEnd(() => removeGroups(cgroup));
    try {
      await waitFor('the engine to answer', async () => {
        if (!child.running) throw new Error(`dockerd ended: ${child.output}`);
        return existsSync(socket) && (await engine.run('docker', ['version'])).status === 0;
      });
    } catch (error) {
      await engine.close();
      throw new Error(`no engine: ${child.output}`, { cause: error });
    }
    return engine;
  }

  /** A client of this engine, such as docker or docker-compose. */
  run(file: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return run(file, args, this.#with(options));
  }

  runOk(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
    return runOk(file, args, this.#with(options));
  }

  #with(options: RunOptions): RunOptions {
    // The builder that needs no plugin of the client, for compose 1.29 as well.
    const builder = { DOCKER_BUILDKIT: '0', COMPOSE_DOCKER_CLI_BUILD: '0' };
    return {
      timeout: 60_000,
      ...options,
      env: { DOCKER_HOST: `unix://${this.#socket}`, ...builder, ...options.env },
    };
  }

  /** Has a tar of files as an image. */
  async import(tar: string, image: string): Promise<void> {
    const path = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const child = spawn('docker', ['import', '--change', path, '-', image], {
      env: { ...process.env, DOCKER_HOST: `unix://${this.#socket}` },
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    createReadStream(tar).pipe(child.stdin);
    const status = await new Promise((resolve) => child.on('close', resolve));
    if (status !== 0) throw new Error(`docker import: status ${status}`);
  }

  /** Kills the first process of a container, as a crash would. */
  async crash(container: string): Promise<void> {
    const pid = (await this.runOk('docker', ['inspect', '--format', '{{.State.Pid}}', container])).trim();
    const inside = ['--target', String(this.#firstPid()), '--pid', '--mount'];
    await runOk('nsenter', [...inside, 'sh', '-c', 'kill -9 "$1"', 'sh', pid]);
  }

  /** dockerd itself, the first process of its namespace, as this machine numbers it. */
  #firstPid(): number {
    // nsenter has become unshare.
    return onlyChildOf(this.#process.pid) as number;
  }

  /** Ends everything. May be called twice. */
  async close(): Promise<void> {
    // dockerd stops its containers; those that it does not are killed with its namespace.
    if (this.#process.running) {
      try {
        process.kill(this.#firstPid(), 'SIGTERM');
      } catch {
        this.#process.signal('SIGKILL');
      }
      const killer = setTimeout(() => this.#process.signal('SIGKILL'), 20_000);
      await this.#process.exited;
      clearTimeout(killer);
    }
    await this.#lab.close();
  }
}

/** The engine's way out: a cable to this machine, forwarded and translated on that cable alone. */
async function openUplink(lab: Lab, host: TestHost): Promise<void> {
  const name = `wdock${process.pid.toString(36)}`;
  lab.atEnd(() => {
    spawnSync('nft', ['delete', 'table', 'ip', name]);
    spawnSync('ip', ['link', 'delete', name]);
  });
  await runOk('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host.namespace]);
  await runOk('ip', ['address', 'add', `${OURS}/30`, 'dev', name]);
  await runOk('ip', ['link', 'set', name, 'up']);
  await host.ip(`address add ${THEIRS}/30 dev eth0`);
  await host.ip('link set eth0 up');
  await host.ip(`route add default via ${OURS}`);
  const out = /\bdev (\S+)/.exec(await runOk('ip', ['-4', 'route', 'show', 'default']))?.[1];
  // Of the two devices, and not of all: what others make in the meantime inherits that.
  for (const device of out === undefined ? [] : [name, out]) forwardFrom(lab, device);
  const rules = `table ip ${name} {
    chain postrouting { type nat hook postrouting priority srcnat; ip saddr ${THEIRS} masquerade; }
  }`;
  await runOk('nft', ['-f', '-'], { input: rules });
}

function forwardFrom(lab: Lab, device: string): void {
  const path = `/proc/sys/net/ipv4/conf/${device}/forwarding`;
  const before = readFileSync(path, 'utf8').trim();
  writeFileSync(path, '1');
  lab.atEnd(() => {
    if (existsSync(path)) writeFileSync(path, before);
  });
}
