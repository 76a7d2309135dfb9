/**
 * Hosts without any IPv4 address but those of the mesh: they join, meet, reach a site behind one of them, and IPv4 by an exit node
 * that has it.
 *
 *     coord 2001:db8::1 ── laptop ::11 ── gate ::12 (fd20::1 ── printer fd20::7) ── exit ::13 ── server 198.51.100.9, 2001:db8:113::9
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestAgent, TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['laptop', 'gate', 'exit'] as const;
const SERVER = ['198.51.100.9', '2001:db8:113::9'] as const;

describeNeeds(['root', 'tun', 'nft'], 'hosts with IPv6 only', () => {
  const lab = new Lab();
  const agents = {} as Record<(typeof NAMES)[number], TestAgent>;
  let coordinator: TestCoordinator;
  let server: TestHost;

  beforeAll(async () => {
    const wire = await lab.switch('wire');
    const host = await lab.host('coord');
    await lab.plug(host, wire, ['2001:db8::1/64']);
    const flags = ['--listen', '[::]:8443', '--stun', '[::]:3478', '--url', 'https://[2001:db8::1]:8443'];
    coordinator = new TestCoordinator(host, lab.directory('coordinator'), flags);
    for (const [index, name] of NAMES.entries()) {
      const agentHost = await lab.host(name);
      await lab.plug(agentHost, wire, [`2001:db8::${11 + index}/64`]);
      agents[name] = new TestAgent(agentHost, name, join(lab.directory(name), 'state'));
    }
    await lab.link(agents.gate.host, ['fd20::1/64'], await lab.host('printer'), ['fd20::7/64']);
    server = await lab.host('server');
    await lab.link(agents.exit.host, ['203.0.113.1/24', '2001:db8:ffff::1/64'], server, [
      '203.0.113.2/24',
      '2001:db8:ffff::2/64',
    ]);
    await server.ip(`address add ${SERVER[0]}/32 dev lo`);
    await server.ip(`address add ${SERVER[1]}/128 dev lo`);
    await agents.exit.host.ip('route add default via 203.0.113.2');
    await agents.exit.host.ip('-6 route add default via 2001:db8:ffff::2');
    await coordinator.start();
    await agents.laptop.join(await coordinator.token(), '--accept-routes');
    await agents.gate.join(await coordinator.token(), '--advertise-routes', 'fd20::/64');
    await agents.exit.join(await coordinator.token(), '--advertise-exit-node');
    for (const name of NAMES) await agents[name].knows(2);
  });
  afterAll(() => lab.close());

  it('join and meet directly, and talk in both families', async () => {
    for (const address of await agents.gate.addresses())
      await waitFor(`the way to ${address}`, () => agents.laptop.pings(address, 2));
    const direct = () =>
      agents.laptop.status().then(({ peers }) => peers.find(({ name }) => name === 'gate'));
    expect(
      await waitFor('a direct path', async () => ((await direct())?.path === 'direct' ? direct() : null)),
    ).toMatchObject({
      endpoint: expect.stringMatching(/^\[2001:db8::12\]:/),
    });
    expect((await agents.laptop.status()).self.endpoints.join()).not.toMatch(/\d\.\d/);
  });

  it('reach a site with IPv6 alone', async () => {
    await coordinator.verb('routes', 'approve', 'gate', 'fd20::/64');
    await waitFor('the printer', () => agents.laptop.pings('fd20::7', 2));
  });

  it('reach the Internet of both families by an exit node that has both', async () => {
    for (const address of SERVER) expect(await agents.laptop.pings(address, 1)).toBe(false);
    await coordinator.verb('exit-nodes', 'approve', 'exit');
    await waitFor('the offer', async () => (await agents.laptop.status()).self.exitNodes.length === 1);
    expect((await agents.laptop.run('exit-node', 'use', 'exit')).stdout).toMatch(/^exit: in use/);
    for (const address of SERVER)
      await waitFor(`the way to ${address}`, () => agents.laptop.pings(address, 2));
    expect(await agents.laptop.pings('fd20::7')).toBe(true);
  });

  it('an exit node that loses a family says so at once, and the other goes on', async () => {
    await agents.exit.host.ip('route delete default');
    const { stdout } = await agents.laptop.host.run('ping', ['-n', '-c1', '-W15', SERVER[0]]);
    expect(stdout).toMatch(/Unreachable/);
    expect(await agents.laptop.pings(SERVER[1])).toBe(true);
  });
});
