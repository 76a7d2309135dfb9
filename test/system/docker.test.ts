/**
 * The network of docker-compose.yml on an engine of the test's own, as its user has it, with what can happen to it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BASE_IMAGE, baseTar } from '../support/base-image.ts';
import { DockerEngine, ENGINE_NEEDS } from '../support/docker-engine.ts';
import { describeNeeds } from '../support/needs.ts';
import { readPcap } from '../support/pcap.ts';
import { waitFor } from '../support/wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');
const PROJECT = 'warren-test';
const DATA = '/var/lib/warren-coordinator';
const ADMIN = 'http://127.0.0.1:8080';
const SLOW = { timeout: 240_000 };
/** How datagrams between agents begin: WireGuard's messages, and the sealed probes for paths (agent/paths/messages.ts). */
const MESSAGES = [1, 2, 3, 4, 0x505257d7];

describeNeeds([...ENGINE_NEEDS, 'tcpdump', 'curl'], 'the network of docker-compose.yml', () => {
  let engine: DockerEngine;

  beforeAll(async () => {
    const [tar, started] = await Promise.all([baseTar(), DockerEngine.start()]);
    engine = started;
    await engine.import(tar, BASE_IMAGE);
    const built = ['coordinator', 'web'].map((service) => compose(['build', '--quiet', service], SLOW));
    await Promise.all(built);
    await compose(['up', '--detach'], SLOW);
  }, 480_000);

  afterAll(() => engine?.close(), 60_000);

  const compose = (args: string[], options = {}) =>
    engine.runOk('docker-compose', ['--project-name', PROJECT, ...args], { cwd: ROOT, ...options });
  const docker = (...args: string[]) => engine.run('docker', args);
  const ids = new Map<string, string>();
  /** Asked of the engine, and once: docker-compose takes a second to start. */
  const container = async (service: string) => {
    const labels = { project: PROJECT, service };
    const filters = Object.entries(labels).flatMap(([name, value]) => [
      '--filter',
      `label=com.docker.compose.${name}=${value}`,
    ]);
    const id = ids.get(service) ?? (await docker('ps', '--all', '--quiet', ...filters)).stdout.trim();
    ids.set(service, id);
    return id;
  };
  const inside = async (service: string, ...command: string[]) =>
    engine.runOk('docker', ['exec', await container(service), ...command]);
  const inspect = async (service: string, format: string) =>
    (await engine.runOk('docker', ['inspect', '--format', format, await container(service)])).trim();
  /** `docker compose run --rm check`: what it says, where it ends with 0. */
  const check = () => compose(['run', '--rm', '-T', 'check'], SLOW);
  const crash = async (service: string) => {
    const before = await inspect(service, '{{.State.StartedAt}}');
    await engine.crash(await container(service));
    await waitFor(`${service} to be started again`, async () => {
      const now = await inspect(service, '{{.State.Running}} {{.State.StartedAt}}');
      return now.startsWith('true') && !now.endsWith(before);
    });
  };

  it('every member reaches every other, directly from office to office, and the web server by its name', async () => {
    const matrix = await waitFor(
      'direct paths through both routers',
      async () => {
        const text = await check();
        // In the order of the alphabet: desktop, gateway.
        return /^laptop +direct [\d.]+ ms +direct [\d.]+ ms +· /m.test(text) ? text : null;
      },
      SLOW,
    );
    expect(matrix).toContain('every pair reaches each other');
    expect(matrix).toMatch(
      /web\.south\.example.* the web server of the southern office; you come from 192\.168\.120\./,
    );
  });

  it('the admin page answers on the port of this machine, and its link is in the log', async () => {
    expect(await engine.host.runOk('curl', ['-sf', `${ADMIN}/readyz`])).toContain('ok');
    const link = /sign in: (http:\S+)/.exec(await compose(['logs', '--no-color', 'coordinator']))?.[1];
    const page = await engine.host.runOk('curl', ['-sSf', link as string]);
    expect(page).toContain('<html');
  });

  it('containers are well by their own word, the coordinator has no root, agents have one capability', async () => {
    for (const service of ['coordinator', 'laptop', 'desktop', 'gateway', 'roaming'])
      expect(await inspect(service, '{{.State.Health.Status}}')).toBe('healthy');
    const status = (service: string) => inside(service, 'cat', '/proc/self/status');
    expect(await status('coordinator')).toMatch(/^Uid:\t[1-9]\d+\t/m);
    // CAP_NET_ADMIN is 12.
    expect(await status('laptop')).toMatch(/^CapBnd:\t0{12}1000$/m);
  });

  it('between the two offices goes WireGuard only', async () => {
    const bridge = /^\d+: (br-\w+)\s.* 198\.51\.100\.1\//m.exec(
      await engine.host.ip('-o -4 address show'),
    )?.[1];
    const file = join(engine.directory, 'offices.pcap');
    // All of IP: ARP is the wire's own.
    const filter = '(ip or ip6) and host 198.51.100.2 and host 198.51.100.3';
    const tcpdump = engine.host.spawn('tcpdump', [
      '-i',
      bridge as string,
      '-U',
      '-Z',
      'root',
      '-w',
      file,
      filter,
    ]);
    await tcpdump.waitForOutput(/listening on/);
    const fetching = "fetch('http://web.south.example/').then((a) => a.text()).then(console.log)";
    const fetched = await inside('laptop', 'node', '-e', fetching);
    expect(fetched).toContain('the southern office');
    await inside('laptop', 'agent', 'ping', 'gateway', '-c', '2');
    await tcpdump.end('SIGINT');
    const frames = readPcap(readFileSync(file));
    const types = frames.map((frame) => frame.udp?.payload.readUInt32LE(0) ?? -1);
    expect(types.filter((type) => !MESSAGES.includes(type))).toEqual([]);
    expect(types.filter((type) => type === 4).length).toBeGreaterThan(5);
    for (const { bytes } of frames) expect(bytes.includes('southern')).toBe(false);
  });

  it('SEC-47: an agent, a router and the coordinator are killed, and the mesh mends', async () => {
    await crash('desktop');
    await crash('router-south');
    await crash('coordinator');
    expect(await check()).toContain('every pair reaches each other');
  });

  it('the mesh carries on while there is no coordinator', async () => {
    await compose(['stop', 'coordinator']);
    expect(await inspect('coordinator', '{{.State.ExitCode}}')).toBe('0');
    expect(await check()).toContain('every pair reaches each other');
    await compose(['start', 'coordinator']);
  });

  it('SEC-48: a container that is stopped ends with 0, as the first process and under --init', async () => {
    await compose(['stop', 'desktop']);
    expect(await inspect('desktop', '{{.State.ExitCode}}')).toBe('0');
    await engine.runOk('docker', ['run', '--detach', '--init', '--name', 'alone', 'warren']);
    await waitFor('it to be ready', async () =>
      (await docker('logs', 'alone')).stdout.includes('coordinator ready'),
    );
    await engine.runOk('docker', ['stop', 'alone']);
    expect((await docker('inspect', '--format', '{{.State.ExitCode}}', 'alone')).stdout).toBe('0\n');
    await engine.runOk('docker', ['rm', '--volumes', 'alone']);
  });

  it.each([
    [[], /^error: not allowed to make network interfaces; .*--user root --cap-add NET_ADMIN\n$/],
    [['--user', 'root'], /^error: not allowed to make network interfaces; .*--cap-add NET_ADMIN\n$/],
    [
      ['--user', 'root', '--cap-add', 'NET_ADMIN'],
      /^error: \/dev\/net\/tun is missing; .*--device \/dev\/net\/tun\n$/,
    ],
  ])('an agent in a container with %j says what it lacks', async (flags, message) => {
    const token = await inside('coordinator', ...['coordinator', 'token', 'create', '--data', DATA]);
    const { stderr, status } = await docker('run', '--rm', ...flags, 'warren', 'agent', 'join', token.trim());
    expect(stderr).toMatch(message);
    expect(status).toBe(1);
  });

  it('an ephemeral agent leaves when its container is stopped', async () => {
    const verb = (...args: string[]) => inside('coordinator', 'coordinator', ...args, '--data', DATA);
    const token = (await verb('token', 'create', '--ephemeral')).trim();
    const flags = [
      '--user',
      'root',
      '--cap-drop',
      'ALL',
      '--cap-add',
      'NET_ADMIN',
      '--device',
      '/dev/net/tun',
    ];
    const network = ['--network', `${PROJECT}_internet`, '--hostname', 'job'];
    await engine.runOk('docker', [
      ...['run', '--detach', '--name', 'job', ...network, ...flags],
      ...['warren', 'agent', 'join', token],
    ]);
    try {
      // Until then the agent does not know what it is.
      await waitFor('it to be up', async () => (await docker('logs', 'job')).stdout.includes('mesh is up'));
      expect(await verb('nodes', 'list')).toContain('job');
      await engine.runOk('docker', ['stop', 'job']);
      expect((await docker('inspect', '--format', '{{.State.ExitCode}}', 'job')).stdout).toBe('0\n');
      expect(await verb('nodes', 'list')).not.toContain('job');
    } finally {
      await docker('rm', '--force', '--volumes', 'job');
    }
  });

  it('down leaves nothing', async () => {
    await compose(['down', '--volumes', '--timeout', '5'], SLOW);
    expect((await docker('ps', '--all', '--quiet')).stdout).toBe('');
    expect((await docker('volume', 'ls', '--quiet')).stdout).toBe('');
    const networks = (await docker('network', 'ls', '--format', '{{.Name}}')).stdout;
    expect(networks.trim().split('\n').sort()).toEqual(['bridge', 'host', 'none']);
  });
});
