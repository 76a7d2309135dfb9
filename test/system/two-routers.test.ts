/**
 * Two routers of one network, of which one dies.
 *
 *     laptop ══ mesh ══ lima (192.168.10.1) ──┬── server (192.168.10.7)
 *                  ══ oslo (192.168.10.2) ────┘
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['laptop', 'lima', 'oslo'] as const;
const ROUTERS = ['lima', 'oslo'] as const;
type Router = (typeof ROUTERS)[number];
const ROUTE = '192.168.10.0/24';
const SERVER = '192.168.10.7';

describeNeeds(['root', 'tun', 'nft'], 'two routers for one network', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let agents: Record<(typeof NAMES)[number], TestAgent>;
  let server: TestHost;

  beforeAll(async () => {
    ({ coordinator, agents } = await meshOnOneSwitch(lab, NAMES));
    const site = await lab.switch('site');
    server = await lab.host('server');
    await lab.plug(server, site, [`${SERVER}/24`]);
    for (const [index, name] of ROUTERS.entries())
      await lab.plug(agents[name].host, site, [`192.168.10.${index + 1}/24`]);
    await coordinator.start();
    for (const name of ROUTERS) {
      const token = await coordinator.token();
      await agents[name].join(token, '--advertise-routes', ROUTE);
      await coordinator.verb('routes', 'approve', name, ROUTE);
    }
    await agents.laptop.join(await coordinator.token(), '--accept-routes');
    for (const name of NAMES) await agents[name].knows(2);
  });
  afterAll(() => lab.close());

  const inUse = async () => (await agents.laptop.status()).self.routes[0];
  const other = (router: Router): Router => (router === 'lima' ? 'oslo' : 'lima');
  /** Pings five times a second while something happens; the longest time without an answer, in seconds. */
  async function longestSilence(happens: () => Promise<void>): Promise<number> {
    const ping = agents.laptop.host.spawn('ping', ['-n', '-D', '-i0.2', '-w8', SERVER]);
    await ping.waitForOutput(/icmp_seq=3/);
    await happens();
    await ping.exited;
    const times = [...ping.output.matchAll(/^\[([\d.]+)\] \d+ bytes/gm)].map(([, time]) => Number(time));
    expect(times.length).toBeGreaterThan(10);
    return Math.max(...times.slice(1).map((time, index) => time - (times[index] as number)));
  }

  it('SEC-43: the winner is the same after every restart, and is told', async () => {
    const before = await waitFor('the route', inUse);
    expect(before).toMatchObject({ route: ROUTE, why: null });
    await agents.laptop.stop();
    await agents.laptop.up();
    await agents.laptop.knows(2);
    expect(await waitFor('the route', inUse)).toEqual(before);
    const text = (await agents.laptop.run('status')).stdout;
    expect(text).toContain(`route ${ROUTE} by ${before.router}, else by ${before.standIns.join()}`);
    expect(await coordinator.verb('routes', 'list')).toMatch(/192\.168\.10\.0\/24 +lima +approved +oslo/);
  });

  it('an administrator has the other used, and back', async () => {
    const { router } = (await inUse()) as { router: Router };
    const isUsed = async (name: Router) => {
      const route = await inUse();
      return route?.router === name && route.why === 'preferred by an administrator';
    };
    const stands = other(router);
    expect(await coordinator.verb('routes', 'prefer', stands, ROUTE)).toBe(
      `${stands} is preferred for ${ROUTE}; else it goes by ${router}\n`,
    );
    await waitFor(`${stands} to be used`, () => isUsed(stands));
    expect(await agents.laptop.pings(SERVER)).toBe(true);
    const list = await coordinator.verb('routes', 'list');
    expect(list).toMatch(new RegExp(`${stands} +approved, preferred +${router}`));
    expect(list).toMatch(new RegExp(`${router} +approved +${stands}`));
    await coordinator.verb('routes', 'prefer', router, ROUTE);
    await waitFor(`${router} to be used again`, () => isUsed(router));
    await coordinator.verb('routes', 'unprefer', router, ROUTE);
    await waitFor('no preference', async () => (await inUse())?.why === null);
  });

  it('SEC-43: the other takes over within 5 s of kill -9, while the coordinator is away', async () => {
    const { router } = (await inUse()) as { router: Router };
    await waitFor('direct paths', async () => {
      await agents.laptop.pings(SERVER, 1);
      return (await agents.laptop.status()).peers.every(({ path }) => path === 'direct');
    });
    // It says no word of who is away.
    await coordinator.stop('SIGKILL');
    const silence = await longestSilence(async () => {
      await agents[router].stop('SIGKILL');
    });
    expect(silence).toBeLessThan(5);
    expect(await inUse()).toMatchObject({
      router: other(router),
      standIns: [router],
      why: 'the one before does not answer',
    });
  });

  it('SEC-43: and so it is by relay', async () => {
    await coordinator.start();
    // Started anew, nobody waits for long before it looks for the relay again.
    for (const name of NAMES) {
      if (agents[name].process?.running) await agents[name].stop();
      await agents[name].up();
    }
    await agents.laptop.knows(2);
    const { router } = (await inUse()) as { router: Router };
    for (const name of NAMES) {
      const hasRelay = async () => (await agents[name].status()).self.relays.some(({ home }) => home);
      await waitFor(`${name} to have its relay again`, hasRelay);
    }
    const { host } = agents.laptop;
    const drop = 'ip daddr 192.0.2.0/24 meta l4proto udp drop; meta nfproto ipv6 meta l4proto udp drop';
    await host.runOk('nft', [
      `table inet blocked { chain output { type filter hook output priority 0; ip daddr 192.0.2.1 accept; ${drop}; }; }`,
    ]);
    await waitFor('the way by relay', () => agents.laptop.pings(SERVER, 1));
    const silence = await longestSilence(async () => {
      const { peers } = await agents.laptop.status();
      expect(peers.find(({ name }) => name === router)?.path).toBe('relay');
      await agents[router].stop('SIGKILL');
    });
    expect(silence).toBeLessThan(5);
    expect(await inUse()).toMatchObject({ router: other(router), standIns: [router] });
    await host.runOk('nft', ['delete table inet blocked']);
  });
});
