/**
 * Starting, stopping, crashing, losing the coordinator, being removed: what stays up, and what stays behind.
 *
 *     coordinator 192.0.2.1      berlin 192.0.2.11      oslo 192.0.2.12      lima 192.0.2.13
 *         └──────────────────────────┴──── wire ─────────────┴────────────────────┘
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatJoinToken, parseJoinToken } from '../../shared/join-token.ts';
import { AGENT, leftovers, meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeedsRoot } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['berlin', 'oslo', 'lima'] as const;

describeNeedsRoot('the life of an agent', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let agents: Record<(typeof NAMES)[number], TestAgent>;
  let berlin: string;
  let oslo: string;

  beforeAll(async () => {
    ({ coordinator, agents } = await meshOnOneSwitch(lab, NAMES));
    await coordinator.start();
    await agents.berlin.join(await coordinator.token());
    await agents.oslo.join(await coordinator.token(), '--accept-routes');
    await agents.lima.join(await coordinator.token(), '--advertise-routes', '10.77.0.0/24');
    for (const name of NAMES) await agents[name].knows(2);
    berlin = (await agents.berlin.addresses())[0] as string;
    oslo = (await agents.oslo.addresses())[0] as string;
  });

  afterAll(() => lab.close());

  const routesOf = (agent: TestAgent) => agent.host.ip('route show proto 87');
  const allowedIps = async (agent: TestAgent, peer: string) =>
    (await agent.status()).peers.find((each) => each.name === peer)?.allowedIps ?? [];

  it('SEC-8: a route that was not granted is installed by no peer; granted, by those that accept routes', async () => {
    expect(JSON.parse(await coordinator.verb('routes', 'list', '--json'))).toHaveLength(1);
    expect(await routesOf(agents.oslo)).not.toContain('10.77.0.0/24');
    expect(await allowedIps(agents.oslo, 'lima')).not.toContain('10.77.0.0/24');
    await coordinator.verb('routes', 'approve', 'lima', '10.77.0.0/24');
    await waitFor('oslo to install the route', async () =>
      (await routesOf(agents.oslo)).includes('10.77.0.0/24'),
    );
    await waitFor('lima to be who has it', async () =>
      (await allowedIps(agents.oslo, 'lima')).includes('10.77.0.0/24'),
    );
    // Berlin did not ask for routes, and lima does not send its own network into the mesh.
    expect(await allowedIps(agents.berlin, 'lima')).not.toContain('10.77.0.0/24');
    expect(await routesOf(agents.berlin)).not.toContain('10.77.0.0/24');
    expect(await routesOf(agents.lima)).not.toContain('10.77.0.0/24');
    await coordinator.verb('routes', 'unapprove', 'lima', '10.77.0.0/24');
    await waitFor(
      'oslo to drop the route',
      async () => !(await routesOf(agents.oslo)).includes('10.77.0.0/24'),
    );
  });

  it('SEC-13: a node that takes the address of another, or of a network that is not its own, is dropped and counted', async () => {
    const dropped = async () =>
      (await agents.oslo.status()).peers.find(({ name }) => name === 'lima')?.dropped['source-not-allowed'];
    expect(await dropped()).toBeUndefined();
    const { host } = agents.lima;
    // Berlin's, and one of the network that lima offers and was not granted.
    for (const address of [berlin, '10.77.0.1']) {
      await host.ip(`address add ${address}/32 dev warren0`);
      expect((await host.run('ping', ['-n', '-c1', '-W1', '-I', address, oslo])).status).not.toBe(0);
      await host.ip(`address delete ${address}/32 dev warren0`);
    }
    expect(await dropped()).toBe(2);
    expect((await agents.oslo.status()).self.counters['source-not-allowed']).toBe(2);
    expect(await agents.lima.pings(oslo)).toBe(true);
  });

  it('a part of a network that the host is connected to is not routed, until the host leaves that network', async () => {
    await agents.oslo.host.ip('address add 10.77.9.1/16 dev eth0');
    await coordinator.verb('routes', 'approve', 'lima', '10.77.0.0/24');
    await agents.oslo.process?.waitForOutput(/10\.77\.0\.0\/24 is a part of 10\.77\.0\.0\/16 on eth0/);
    expect(await agents.oslo.host.ip('route get 10.77.0.9')).toContain('dev eth0');
    await agents.oslo.host.ip('address delete 10.77.9.1/16 dev eth0');
    await waitFor('the route by the mesh', async () =>
      (await agents.oslo.host.ip('route get 10.77.0.9')).includes('dev warren0'),
    );
    await coordinator.verb('routes', 'unapprove', 'lima', '10.77.0.0/24');
    await waitFor(
      'oslo to drop the route',
      async () => !(await routesOf(agents.oslo)).includes('10.77.0.0/24'),
    );
  });

  it('an address that appears on an interface becomes an endpoint that peers know', async () => {
    await agents.berlin.host.ip('address add 192.0.2.111/24 dev eth0');
    await waitFor('the new endpoint', async () =>
      (await agents.berlin.status()).self.endpoints.some((endpoint) => endpoint.startsWith('192.0.2.111:')),
    );
    await waitFor('the coordinator to be told', async () =>
      (await coordinator.verb('nodes', 'list', '--json')).includes('192.0.2.111:'),
    );
    await agents.berlin.host.ip('address delete 192.0.2.111/24 dev eth0');
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'SEC-48: %s ends it with 0 and nothing stays on the host',
    async (signal) => {
      expect(await leftovers(agents.berlin)).not.toEqual([]);
      expect(await agents.berlin.stop(signal)).toBe(0);
      expect(await leftovers(agents.berlin)).toEqual([]);
      await agents.berlin.up();
      expect(await agents.berlin.addresses()).toContain(berlin);
    },
  );

  it('SEC-48: SIGTERM while it starts ends it with 0 and nothing stays either', async () => {
    expect(await agents.berlin.stop()).toBe(0);
    const process = agents.berlin.host.spawn(AGENT, ['up', '--state', agents.berlin.state]);
    await process.waitForOutput(/^joined /);
    expect(await process.end('SIGTERM')).toBe(0);
    expect(await leftovers(agents.berlin)).toEqual([]);
    await agents.berlin.up();
  });

  it('SIGTERM while it seeks a coordinator ends it with 0', async () => {
    const token = parseJoinToken(await coordinator.token());
    // Nobody has this address, so nobody answers.
    const text = formatJoinToken({
      ...token,
      urls: ['https://192.0.2.200:8443', 'https://192.0.2.201:8443'],
    });
    const state = join(lab.directory('alone'), 'state');
    const process = agents.berlin.host.spawn(AGENT, ['join', '-', '--state', state], { input: text });
    await process.waitForOutput(/192\.0\.2\.200:8443 cannot be reached/);
    expect(await process.end('SIGTERM')).toBe(0);
  });

  it('SEC-47: after kill -9 it has the same address and port again, and carries traffic', async () => {
    const before = await agents.berlin.status();
    expect(await agents.berlin.pings(oslo)).toBe(true);
    await agents.berlin.stop('SIGKILL');
    const process = await agents.berlin.up();
    expect(process.output).toContain(`joined berlin with ${before.self.addresses.join(' ')}`);
    expect(await agents.berlin.pings(oslo)).toBe(true);
    const after = await agents.berlin.status();
    expect(after.self.addresses).toEqual(before.self.addresses);
    expect(after.self.listenPort).toBe(before.self.listenPort);
    expect(await agents.oslo.pings(berlin)).toBe(true);
  });

  it('SEC-47: after kill -9 its peers reach it, before it has anything to say to them', async () => {
    expect(await agents.oslo.pings(berlin)).toBe(true);
    await agents.berlin.stop('SIGKILL');
    await agents.berlin.up();
    // Of itself oslo would ask for a new session after 15 s of silence (KEEPALIVE_TIMEOUT and REKEY_TIMEOUT).
    await waitFor('oslo to reach berlin', () => agents.oslo.pings(berlin, 1), { timeout: 8_000 });
  });

  describe('SEC-44: with the coordinator away', () => {
    beforeAll(async () => {
      await coordinator.stop('SIGKILL');
      await waitFor(
        'oslo to notice',
        async () => (await agents.oslo.status()).self.coordinator === 'disconnected',
      );
    });

    it('tunnels carry on without a loss', async () => {
      const { stdout } = await agents.oslo.host.run('ping', ['-n', '-q', '-c30', '-i0.1', '-W15', berlin]);
      expect(stdout).toContain('30 received');
    });

    it('an agent that is started again uses the saved map', async () => {
      expect(await agents.berlin.stop()).toBe(0);
      await agents.berlin.up();
      expect(await agents.berlin.pings(oslo)).toBe(true);
      const { self, peers } = await agents.berlin.status();
      expect(self.coordinator).toBe('disconnected');
      expect(peers.map((peer) => peer.name).sort()).toEqual(['lima', 'oslo']);
    });

    it('one whose saved map is broken says so, sets it aside, and waits for the coordinator', async () => {
      expect(await agents.lima.stop()).toBe(0);
      writeFileSync(join(agents.lima.state, 'map.json'), '{"version":1,"map":{"peers"', { mode: 0o600 });
      const process = agents.lima.host.spawn(AGENT, ['up', '--state', agents.lima.state]);
      agents.lima.process = process;
      await process.waitForOutput(/map is set aside/);
      expect(readFileSync(join(agents.lima.state, 'map.json.broken'), 'utf8')).toContain('"peers"');
    });

    it('leave says that the coordinator cannot be told, and keeps the keys', async () => {
      const { status, stderr } = await agents.oslo.run('leave');
      expect(stderr).toMatch(/^error: the coordinator is away: .*--force.*\n$/);
      expect(status).toBe(1);
      expect((await agents.oslo.status()).self.coordinator).toBe('disconnected');
    });

    it('SEC-45: when it is back, all are in step again, without a token', async () => {
      await coordinator.start();
      for (const name of NAMES)
        await waitFor(
          `${name} to be connected`,
          async () => (await agents[name].status()).self.coordinator === 'connected',
          { timeout: 60_000 },
        );
      expect((await agents.lima.knows(2)).self.name).toBe('lima');
      await waitFor('lima to reach oslo', () => agents.lima.pings(oslo, 2));
    }, 120_000);
  });

  it('SEC-7: a removed node ends with a word, and its peers accept nothing of it after 2 s', async () => {
    expect(await agents.lima.pings(berlin)).toBe(true);
    const process = agents.lima.process;
    await coordinator.verb('nodes', 'remove', 'lima');
    const began = performance.now();
    await waitFor('berlin to drop it', async () => (await agents.berlin.status()).peers.length === 1, {
      interval: 20,
    });
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(await process?.exited).toBe(1);
    expect(process?.stderr).toMatch(
      /error: this node was removed from the network; join again with a new token/,
    );
    expect(await leftovers(agents.lima)).toEqual([]);
  });

  it('a node that was removed joins again under a new token', async () => {
    await agents.lima.join(await coordinator.token());
    await agents.lima.knows(2);
    await waitFor('lima to reach berlin', () => agents.lima.pings(berlin, 2));
  });

  it('joining again with the same keys keeps name and address', async () => {
    const before = await agents.lima.status();
    expect(await agents.lima.stop()).toBe(0);
    await agents.lima.join(await coordinator.token());
    const after = await agents.lima.status();
    expect(after.self.addresses).toEqual(before.self.addresses);
    expect(after.self.publicKey).toBe(before.self.publicKey);
    expect(after.self.name).toBe('lima');
  });

  it('leave, by a running agent: it ends with 0, the coordinator knows, the keys are gone', async () => {
    const process = agents.lima.process;
    const { status, stdout } = await agents.lima.run('leave');
    expect(stdout).toBe('left the network\n');
    expect(status).toBe(0);
    expect(await process?.exited).toBe(0);
    expect(await leftovers(agents.lima)).toEqual([]);
    const nodes = JSON.parse(await coordinator.verb('nodes', 'list', '--json')) as { name: string }[];
    expect(nodes.map((node) => node.name).sort()).toEqual(['berlin', 'oslo']);
    const up = await agents.lima.run('up');
    expect(up.stderr).toMatch(/^error: this host has not joined a network .*bin\/agent join TOKEN\n$/);
    expect(up.status).toBe(1);
  });

  it('leave, while no agent runs, with the coordinator away: only --force forgets the keys', async () => {
    expect(await agents.oslo.stop()).toBe(0);
    await coordinator.stop();
    const refused = await agents.oslo.run('leave');
    expect(refused.status).toBe(1);
    expect(refused.stderr.trim().split('\n')).toHaveLength(1);
    const forced = await agents.oslo.run('leave', '--force');
    expect(forced.stdout).toBe('left the network, but the coordinator does not know it yet\n');
    expect(forced.status).toBe(0);
    expect((await agents.oslo.run('up')).status).toBe(1);
  });
});
