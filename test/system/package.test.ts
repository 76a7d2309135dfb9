/** The npm package, as `npm pack` makes it and `npm install --global` puts it into a folder. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { npmFolder } from '../support/base-image.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { runOk } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');

describeNeeds(['root', 'tun', 'npm'], 'the npm package', () => {
  const lab = new Lab();
  const env = { WARREN_NODE: process.execPath, npm_config_update_notifier: 'false' };
  let agent: string;
  let coordinator: string;
  let modules: string;

  beforeAll(async () => {
    const [folder, prefix] = [lab.directory('pack'), lab.directory('prefix')];
    const npm = join(await npmFolder(), 'bin/npm-cli.js');
    const npmOk = (...args: string[]) =>
      runOk(process.execPath, [npm, ...args], { cwd: ROOT, env, timeout: 200_000 });
    await npmOk('pack', '--pack-destination', folder);
    const [tarball] = readdirSync(folder);
    await npmOk('install', '--global', '--prefix', prefix, join(folder, tarball as string));
    agent = join(prefix, 'bin/warren-agent');
    coordinator = join(prefix, 'bin/warren-coordinator');
    modules = join(prefix, 'lib/node_modules/warren');
  }, 240_000);

  afterAll(() => lab.close());

  it('holds what runs, and neither tests nor sources in TypeScript', () => {
    const files = readdirSync(modules, { recursive: true, encoding: 'utf8' }).filter(
      (path) => !path.startsWith('node_modules'),
    );
    expect(files.filter((path) => path.endsWith('.ts'))).toEqual([]);
    expect(files.filter((path) => path.startsWith('test') || path.includes('.test.'))).toEqual([]);
    expect(files).toContain('dist/agent/main.js');
    // What was built for it is gone again.
    expect(existsSync(join(ROOT, 'dist'))).toBe(false);
  });

  it('has both programs on PATH, which tell their version and verbs', async () => {
    for (const program of [agent, coordinator]) {
      expect(await runOk(program, ['--version'], { env })).toMatch(/^\d+\.\d+\.\d+\n$/);
      expect(await runOk(program, ['--help'], { env })).toContain('Commands:');
    }
    const unit = await runOk(agent, ['service', 'install', '--dry-run'], { env });
    expect(unit).toContain(`ExecStart=${join(modules, 'dist/bin/agent')} up `);
  });

  it('makes a mesh: a coordinator with its page, and two agents that reach each other', async () => {
    const wire = await lab.switch('wire');
    const hosts = await Promise.all(['coord', 'berlin', 'oslo'].map((name) => lab.host(name)));
    for (const [n, host] of hosts.entries()) await lab.plug(host, wire, [`192.0.2.${n + 1}/24`]);
    const [first, berlin, oslo] = hosts as [Host, Host, Host];
    const data = join(lab.directory('data'), 'coordinator');
    const serve = first.spawn(coordinator, ['serve', '--data', data], { env });
    await serve.waitForOutput(/coordinator ready/);
    const address = /http:\S+:8080/.exec(serve.output)?.[0];
    expect(await first.runOk('curl', ['-sf', `${address}/readyz`])).toContain('ok');
    const state = { berlin: join(lab.directory('b'), 'state'), oslo: join(lab.directory('o'), 'state') };
    for (const [name, host] of Object.entries({ berlin, oslo })) {
      const token = await runOk(coordinator, ['token', 'create', '--data', data], { env });
      const folder = state[name as keyof typeof state];
      const args = ['join', '-', '--state', folder, '--hostname', name];
      await host.spawn(agent, args, { env, input: token }).waitForOutput(/mesh is up/);
    }
    await waitFor('berlin to reach oslo', async () => {
      const ping = await berlin.run(agent, ['ping', 'oslo', '-c', '1', '--state', state.berlin], { env });
      return ping.status === 0;
    });
  });
});

type Host = Awaited<ReturnType<Lab['host']>>;
