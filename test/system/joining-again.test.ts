/**
 * Hosts that start again and again: containers, services, jobs; and joins that were cut off.
 *
 *     coordinator 192.0.2.1      berlin 192.0.2.11      oslo 192.0.2.12
 *         └──────────────────────────┴──── wire ─────────────┘
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { draftOf } from '../../shared/atomic-file.ts';
import { AGENT, leftovers, meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeedsRoot } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

describeNeedsRoot('an agent that starts often', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let berlin: TestAgent;
  let oslo: TestAgent;

  beforeAll(async () => {
    const mesh = await meshOnOneSwitch(lab, ['berlin', 'oslo']);
    coordinator = mesh.coordinator;
    ({ berlin, oslo } = mesh.agents);
    await coordinator.start();
  });

  afterAll(() => lab.close());

  const nodes = async () =>
    JSON.parse(await coordinator.verb('nodes', 'list', '--json')) as { name: string; addresses: string[] }[];
  const names = async () => (await nodes()).map(({ name }) => name).sort();
  const identity = () => join(berlin.state, 'identity.json');

  it('a join that is cut off after the token was used up is had by asking again, with the same token', async () => {
    const token = await coordinator.token();
    mkdirSync(berlin.state, { mode: 0o700 });
    mkdirSync(draftOf(identity()));
    const cut = await berlin.host.run(AGENT, [
      'join',
      token,
      '--state',
      berlin.state,
      '--hostname',
      'berlin',
    ]);
    expect(cut.status).toBe(1);
    expect(await names()).toEqual(['berlin']);
    const key = join(berlin.state, 'joining.json');
    expect(statSync(key).mode & 0o777).toBe(0o600);
    const { privateKey } = JSON.parse(readFileSync(key, 'utf8'));

    rmdirSync(draftOf(identity()));
    await berlin.join(token);
    expect(JSON.parse(readFileSync(identity(), 'utf8')).privateKey).toBe(privateKey);
    expect(existsSync(key)).toBe(false);
    expect((await nodes()).map(({ addresses }) => addresses)).toEqual([await berlin.addresses()]);
  });

  it('and by nobody else', async () => {
    const token = await coordinator.token();
    await oslo.join(token);
    expect(await oslo.stop()).toBe(0);
    const state = join(lab.directory('thief'), 'state');
    const other = await oslo.host.run(AGENT, ['join', token, '--state', state]);
    expect(other.stderr).toMatch(/the token is not accepted/);
    expect(other.status).toBe(1);
    expect(await names()).toEqual(['berlin', 'oslo']);
  });

  it('join --unless-joined starts as up does, with the settings given, and without the token', async () => {
    const file = join(lab.directory('token'), 'token');
    writeFileSync(file, await coordinator.token(), { mode: 0o600 });
    const args = ['join', '--unless-joined', '--token-file', file, '--state', oslo.state];
    await oslo.host.run(AGENT, ['leave', '--state', oslo.state]);
    for (const port of [0, 51833]) {
      oslo.process = oslo.host.spawn(AGENT, [...args, '--listen-port', String(port)]);
      await oslo.process.waitForOutput(/^mesh is up$/m);
      const { self } = await oslo.knows(1);
      if (port !== 0) expect(self.listenPort).toBe(port);
      expect(await oslo.stop()).toBe(0);
      rmSync(file, { force: true });
    }
  });

  it('SEC-47: joined again with another interface after kill -9, it carries traffic, and no rule of the first stays', async () => {
    await oslo.up();
    expect(await oslo.host.runOk('nft', ['list', 'tables'])).toContain('warren0');
    await oslo.stop('SIGKILL');
    await oslo.join(await coordinator.token(), '--interface', 'other0');
    expect(await oslo.host.runOk('nft', ['list', 'tables'])).not.toContain('warren0');
    const [address] = await berlin.addresses();
    await waitFor('oslo to reach berlin', () => oslo.pings(address as string, 2));
    expect(await oslo.stop()).toBe(0);
  });

  it('an ephemeral one leaves on SIGTERM: no peer knows it any more, its keys are gone', async () => {
    expect((await oslo.run('leave')).status).toBe(0);
    await oslo.join(await coordinator.token('--ephemeral'));
    await berlin.knows(1);
    const process = oslo.process;
    expect(await oslo.stop()).toBe(0);
    expect(process?.stdout).toContain('left the network');
    expect(await leftovers(oslo)).toEqual([]);
    expect(await names()).toEqual(['berlin']);
    await waitFor('berlin to forget it', async () => (await berlin.status()).peers.length === 0);
    expect(existsSync(join(oslo.state, 'identity.json'))).toBe(false);
  });

  it('and while the coordinator is away it just stops, to be removed when it has been away for long', async () => {
    await oslo.join(await coordinator.token('--ephemeral'));
    await oslo.knows(1);
    await coordinator.stop('SIGKILL');
    expect(await oslo.stop()).toBe(0);
    expect(await leftovers(oslo)).toEqual([]);
    await coordinator.start();
    expect(await names()).toEqual(['berlin', 'oslo']);
    await oslo.up();
    await oslo.knows(1);
    expect(await oslo.stop()).toBe(0);
    expect(await names()).toEqual(['berlin']);
  });
});
