/**
 * A router that offers the very network by which others reach the coordinator and itself.
 *
 *     laptop 192.0.2.11 ── gate (.254) ── 203.0.113.0/24: coordinator .1, router .12, server .77
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestAgent, TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

const ROUTE = '203.0.113.0/24';
/** What the laptop offers itself. */
const PART = '203.0.113.192/26';
const COORDINATOR = '203.0.113.1';
const ROUTER = '203.0.113.12';
const SERVER = '203.0.113.77';

describeNeeds(['root', 'tun', 'nft'], 'a route that holds what the mesh needs', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let laptop: TestAgent;
  let router: TestAgent;

  beforeAll(async () => {
    const gate = await lab.host('gate');
    await gate.runOk('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    const [near, far] = [await lab.switch('near'), await lab.switch('far')];
    await lab.plug(gate, near, ['192.0.2.254/24']);
    await lab.plug(gate, far, ['203.0.113.254/24']);
    const host = async (label: string, wire: TestHost, address: string) => {
      const made = await lab.host(label);
      await lab.plug(made, wire, [`${address}/24`]);
      await made.ip(`route add default via ${address.replace(/\d+$/, '254')}`);
      return made;
    };
    coordinator = new TestCoordinator(await host('coord', far, COORDINATOR), lab.directory('coordinator'));
    await host('server', far, SERVER);
    const agent = async (label: string, wire: TestHost, address: string) =>
      new TestAgent(await host(label, wire, address), label, join(lab.directory(label), 'state'));
    laptop = await agent('laptop', near, '192.0.2.11');
    router = await agent('router', far, ROUTER);
    await coordinator.start();
    await router.join(await coordinator.token(), '--advertise-routes', ROUTE);
    await laptop.join(await coordinator.token(), '--accept-routes', '--advertise-routes', PART);
    await laptop.knows(1);
  });
  afterAll(() => lab.close());

  const wayTo = (address: string) => laptop.host.ip(`route get ${address}`);
  const peer = async () => (await laptop.status()).peers[0];

  it('is taken but for the coordinator and the endpoint that is in use, and a note says so', async () => {
    const { addresses } = (await peer()) as { addresses: string[] };
    await waitFor('a direct path', async () => {
      await laptop.pings(addresses[0] as string, 1);
      return (await peer())?.path === 'direct';
    });
    await coordinator.verb('routes', 'approve', 'router', ROUTE);
    await waitFor('the route', async () => (await wayTo(SERVER)).includes('dev warren0'));
    expect(await wayTo(COORDINATOR)).toContain('via 192.0.2.254');
    expect(await wayTo(ROUTER)).toContain('via 192.0.2.254');
    const notices = async () => (await laptop.status()).self.notices;
    await waitFor('a notice', async () => (await notices()).length > 0);
    expect(await notices()).toEqual([
      `${ROUTE} would cut off ${COORDINATOR} (the coordinator), ${ROUTER} (an endpoint of router): routed but for that`,
    ]);
    expect((await laptop.run('status')).stdout).toContain(`note: ${ROUTE} would cut off`);
    await laptop.process?.waitForOutput(/would cut off/);
    expect(await laptop.pings(SERVER)).toBe(true);
    expect(await peer()).toMatchObject({ path: 'direct', endpoint: expect.stringContaining(ROUTER) });
  });

  it('and one that overlaps it is told to the owners of both, and to who approves', async () => {
    expect((await laptop.run('status')).stdout).toContain(`offers ${PART}: waits for approval`);
    const said = await coordinator.verb('routes', 'approve', 'laptop', PART);
    expect(said).toBe(`laptop carries ${PART}\n  note: ${PART} overlaps ${ROUTE} of router\n`);
    const notices = {
      laptop: `${PART} overlaps ${ROUTE} of router, and wins: it is more specific`,
      router: `${ROUTE} overlaps ${PART} of laptop, which wins for its part: it is more specific`,
    };
    for (const agent of [laptop, router]) {
      const notice = notices[agent === laptop ? 'laptop' : 'router'];
      await waitFor(agent.name, async () => (await agent.status()).self.notices.includes(notice));
      await waitFor(`${agent.name} to say so`, () => agent.process?.output.includes(notice));
    }
    expect(await coordinator.verb('routes', 'list')).toContain(`overlaps ${PART} of laptop`);
    expect(await coordinator.verb('audit', 'list')).toContain(`${PART}; overlaps ${ROUTE} of router`);
    await coordinator.verb('routes', 'disapprove', 'laptop', PART);
    await waitFor('the end of it', async () => (await router.status()).self.notices.length === 0);
  });

  it('leaves the way to the coordinator after a restart of the agent, and of the coordinator', async () => {
    await laptop.stop();
    await laptop.up();
    await laptop.knows(1);
    expect(await wayTo(SERVER)).toContain('dev warren0');
    await coordinator.stop();
    await coordinator.start();
    const isConnected = async () => (await laptop.status()).self.coordinator === 'connected';
    await waitFor('the coordinator', isConnected);
    await coordinator.verb('routes', 'disapprove', 'router', ROUTE);
    await waitFor(
      'every part of the route to be gone',
      async () => !(await laptop.host.ip('route show dev warren0')).includes('203.0.113'),
    );
    expect(await wayTo(SERVER)).not.toContain('warren0');
    await waitFor('the end of the notices', async () => (await laptop.status()).self.notices.length === 0);
  });
});
