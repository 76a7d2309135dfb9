/**
 * Two sites whose hosts have no agent, joined by their routers, which are their way to anywhere:
 *
 *     desk 192.168.10.7 ── north (eth1 .1) ══ mesh ══ south (eth1 .1) ── printer 192.168.20.7
 *          fd10::7                                                        fd20::7
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

const SITES = {
  north: { inner: 'desk', four: '192.168.10', six: 'fd10::' },
  south: { inner: 'printer', four: '192.168.20', six: 'fd20::' },
} as const;
type Site = keyof typeof SITES;

describeNeeds(['root', 'tun', 'nft', 'ncat'], 'two sites joined by their routers', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let agents: Record<Site, TestAgent>;
  const inner = {} as Record<Site, TestHost>;

  beforeAll(async () => {
    ({ coordinator, agents } = await meshOnOneSwitch(lab, ['north', 'south']));
    await coordinator.start();
    for (const site of ['north', 'south'] as const) {
      const { four, six } = SITES[site];
      inner[site] = await lab.host(SITES[site].inner);
      await lab.link(agents[site].host, [`${four}.1/24`, `${six}1/64`], inner[site], [
        `${four}.7/24`,
        `${six}7/64`,
      ]);
      await inner[site].ip(`route add default via ${four}.1`);
      await inner[site].ip(`-6 route add default via ${six}1`);
      const offer = [`${four}.0/24`, `${six}/64`];
      await agents[site].join(
        await coordinator.token(),
        '--advertise-routes',
        offer.join(),
        '--accept-routes',
      );
      for (const route of offer) await coordinator.verb('routes', 'approve', site, route);
    }
    for (const site of ['north', 'south'] as const) await agents[site].knows(1);
    await waitFor('north to route to the other site', async () =>
      (await agents.north.host.ip('route show dev warren0')).includes('192.168.20.0/24'),
    );
  });
  afterAll(() => lab.close());

  const pings = async (from: Site, address: string) =>
    (await inner[from].run('ping', ['-n', '-c1', '-W1', address])).status === 0;

  it('SEC-39: without being asked to, a router lets no host behind it begin anything', async () => {
    expect(await agents.north.pings('192.168.20.7')).toBe(true);
    expect(await pings('north', '192.168.20.7')).toBe(false);
    expect(await pings('north', 'fd20::7')).toBe(false);
  });

  it('with --site-to-site hosts of its site reach the other one, as whom the printer’s own network knows', async () => {
    expect(await agents.north.stop()).toBe(0);
    await agents.north.up('--site-to-site');
    await waitFor('IPv4', () => pings('north', '192.168.20.7'));
    await waitFor('IPv6', () => pings('north', 'fd20::7'));
    const server = inner.south.spawn('ncat', ['-4', '-l', '9100', '-v']);
    await server.waitForOutput(/Listening/);
    await inner.north.run('ncat', ['-z', '-w', '15', '192.168.20.7', '9100']);
    expect((await server.waitForOutput(/Connection from ([\d.]*\d)/))[1]).toBe('192.168.20.1');
    await server.end();
  });

  it('SEC-39, SEC-40: the other site begins nothing here, and members of the mesh are not reached', async () => {
    expect(await pings('south', '192.168.10.7')).toBe(false);
    for (const address of await agents.south.addresses()) expect(await pings('north', address)).toBe(false);
  });

  it('SEC-36: a policy judges whole sites as it judges machines', async () => {
    const file = join(lab.directory('policy'), 'policy.json');
    const acls = [
      { action: 'accept', src: ['192.168.10.0/24'], dst: ['192.168.20.0/24:9100'], proto: 'tcp' },
    ];
    writeFileSync(file, JSON.stringify({ acls }));
    await coordinator.verb('policy', 'apply', file);
    await waitFor('pings to be denied', async () => !(await pings('north', '192.168.20.7')));
    const server = inner.south.spawn('ncat', ['-4', '-l', '-k', '9100', '-v']);
    await server.waitForOutput(/Listening/);
    expect((await inner.north.run('ncat', ['-z', '-w', '15', '192.168.20.7', '9100'])).status).toBe(0);
    expect((await inner.north.run('ncat', ['-z', '-w', '1', '192.168.20.7', '9101'])).status).not.toBe(0);
    await server.end();
  });

  it('what it carries and uses is changed by `up`, and remembered', async () => {
    await agents.north.stop();
    await agents.north.up('--site-to-site', 'false', '--advertise-routes', '', '--accept-routes', 'false');
    const { self } = await agents.north.status();
    expect(self.advertised).toEqual([]);
    expect(await agents.north.host.ip('route show dev warren0')).not.toContain('192.168.20.0/24');
    await agents.north.stop();
    expect((await agents.north.host.run('nft', ['list', 'tables'])).stdout).toBe('');
  });
});
