/**
 * Agents and coordinators one minor version apart work together: those of here, and those of the release before, from git.
 *
 *     coordinator 192.0.2.1      berlin 192.0.2.11      oslo 192.0.2.12
 *         └──────────────────────────┴──── wire ─────────────┘
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AGENT, COORDINATOR } from '../support/mesh.ts';
import { lacks } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { runOk } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');
/**
 * What stands for the release before. There is none yet: this is the last state before plain WireGuard devices, ephemeral
 * nodes that leave, and routes that stand for another network came into the protocol. A release puts its own tag here.
 */
const RELEASE_BEFORE = '7f819f9';

const git = (...args: string[]) => spawnSync('git', ['-C', ROOT, ...args]).status === 0;
const isKnown = git('cat-file', '-e', `${RELEASE_BEFORE}^{commit}`);
const reason = lacks('root') ?? lacks('tun') ?? (isKnown ? null : 'a clone without history');
const suite = reason === null ? describe : describe.skip;

interface Programs {
  agent: string;
  coordinator: string;
}

suite(`the release before${reason === null ? '' : ` [left out: ${reason}]`}`, () => {
  const HERE: Programs = { agent: AGENT, coordinator: COORDINATOR };
  const before = {} as Programs;
  const folders = new Lab();
  let lab = new Lab();

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'warren-test-release-'));
    folders.removesAtEnd(folder);
    const archive = join(folder, 'release.tar');
    await runOk('git', ['-C', ROOT, 'archive', '--output', archive, RELEASE_BEFORE]);
    await runOk('tar', ['-C', folder, '-xf', archive]);
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    before.agent = join(folder, 'bin/agent');
    before.coordinator = join(folder, 'bin/coordinator');
  });

  afterEach(async () => {
    await lab.close();
    lab = new Lab();
  });

  afterAll(async () => {
    await lab.close();
    await folders.close();
  });

  async function serve(programs: Programs) {
    const wire = await lab.switch('wire');
    const host = await lab.host('coord');
    await lab.plug(host, wire, ['192.0.2.1/24']);
    const data = join(lab.directory('data'), 'coordinator');
    await host.spawn(programs.coordinator, ['serve', '--data', data]).waitForOutput(/coordinator ready/);
    const verb = (...args: string[]) => runOk(programs.coordinator, [...args, '--data', data]);
    return { wire, host, data, verb };
  }

  async function joined(programs: Programs, wire: TestHost, name: string, n: number, token: string) {
    const host = await lab.host(name);
    await lab.plug(host, wire, [`192.0.2.${n}/24`]);
    const state = join(lab.directory(name), 'state');
    const args = ['join', '-', '--state', state, '--hostname', name, '--accept-routes'];
    const flags = name === 'oslo' ? ['--advertise-routes', '10.9.0.0/24'] : [];
    const process = host.spawn(programs.agent, [...args, ...flags], { input: token });
    await process.waitForOutput(/mesh is up/);
    return { host, state, process };
  }

  it.each([
    [
      'an agent of the release before',
      'joins the coordinator of now',
      { there: HERE, first: before, second: HERE },
    ],
    [
      'an agent of now',
      'joins the coordinator of the release before',
      { there: before, first: HERE, second: before },
    ],
  ] as const)(
    '%s %s and reaches the other, and hears of routes, names and removal',
    async (_, __, { there, first, second }) => {
      const { wire, verb } = await serve(there);
      const berlin = await joined(first, wire, 'berlin', 11, await verb('token', 'create'));
      const oslo = await joined(second, wire, 'oslo', 12, await verb('token', 'create'));
      const ping = (from: typeof berlin, agent: string, to: string) =>
        from.host.run(agent, ['ping', to, '-c', '1', '--state', from.state]);
      await waitFor(
        'berlin to reach oslo',
        async () => (await ping(berlin, first.agent, 'oslo')).status === 0,
      );
      await waitFor(
        'oslo to reach berlin',
        async () => (await ping(oslo, second.agent, 'berlin')).status === 0,
      );

      await verb('routes', 'approve', 'oslo', '10.9.0.0/24');
      await waitFor('the route at berlin', async () =>
        (await berlin.host.ip('route show')).includes('10.9.0.0/24'),
      );
      await verb('nodes', 'rename', 'oslo', 'bergen');
      await waitFor(
        'the new name at berlin',
        async () => (await ping(berlin, first.agent, 'bergen')).status === 0,
      );
      await verb('nodes', 'remove', 'bergen');
      expect(await oslo.process.exited).toBe(1);
      expect(await berlin.process.end()).toBe(0);
    },
  );

  it('a coordinator of now takes over the data of the release before, and its agents come back', async () => {
    const { wire, host, data, verb } = await serve(before);
    const berlin = await joined(before, wire, 'berlin', 11, await verb('token', 'create'));
    await host.children[0]?.end();
    await host.spawn(COORDINATOR, ['serve', '--data', data]).waitForOutput(/coordinator ready/);
    await waitFor(
      'berlin to be connected again',
      async () => {
        const status = await runOk('ip', [
          ...['netns', 'exec', berlin.host.namespace],
          ...[before.agent, 'status', '--json', '--state', berlin.state],
        ]);
        return JSON.parse(status).self.coordinator === 'connected';
      },
      { timeout: 60_000 },
    );
    const nodes = await runOk(COORDINATOR, ['nodes', 'list', '--json', '--data', data]);
    expect(JSON.parse(nodes)).toMatchObject([{ name: 'berlin' }]);
  });
});
