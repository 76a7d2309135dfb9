/**
 * A network behind one host of the mesh: a printer without an agent, which knows no way back to the mesh but by its own router.
 *
 *     laptop ══ mesh ══ router (eth1 192.168.10.1, fd10::1) ── printer (192.168.10.7, fd10::7)
 *                            (eth2 192.168.20.1, fd20::1) ── stranger
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['laptop', 'router'] as const;
const ROUTES = ['192.168.10.0/24', 'fd10::/64'];

describeNeeds(['root', 'tun', 'nft', 'ncat', 'iperf3'], 'a subnet router', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let agents: Record<(typeof NAMES)[number], TestAgent>;
  let printer: TestHost;
  let stranger: TestHost;

  beforeAll(async () => {
    ({ coordinator, agents } = await meshOnOneSwitch(lab, NAMES));
    printer = await lab.host('printer');
    await lab.link(agents.router.host, ['192.168.10.1/24', 'fd10::1/64'], printer, [
      '192.168.10.7/24',
      'fd10::7/64',
    ]);
    stranger = await lab.host('stranger');
    const others = ['192.168.20.7/24', 'fd20::7/64'];
    await lab.link(agents.router.host, ['192.168.20.1/24', 'fd20::1/64'], stranger, others);
    await stranger.ip('route add 192.168.10.0/24 via 192.168.20.1');
    await stranger.ip('-6 route add fd10::/64 via fd20::1');
    await printer.ip('route add 192.168.20.0/24 via 192.168.10.1');
    await printer.ip('-6 route add fd20::/64 via fd10::1');
    await coordinator.start();
    await agents.laptop.join(await coordinator.token(), '--accept-routes');
    await agents.router.join(await coordinator.token(), '--advertise-routes', ROUTES.join());
    for (const name of NAMES) await agents[name].knows(1);
  });
  afterAll(() => lab.close());

  const router = () => agents.router.host;
  const forwarding = async () =>
    (await router().runOk('sysctl', ['-n', 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding']))
      .split(/\s+/)
      .join(' ')
      .trim();
  const reaches = (address: string) => agents.laptop.pings(address, 1);
  /** Who the printer thinks that it talks to. */
  async function sourceSeen(): Promise<string> {
    const server = printer.spawn('ncat', ['-4', '-l', '9100', '-v']);
    await server.waitForOutput(/Listening/);
    await agents.laptop.host.run('ncat', ['-z', '-w', '15', '192.168.10.7', '9100']);
    const [, source] = await server.waitForOutput(/Connection from ([\d.]*\d)/);
    await server.end();
    return source as string;
  }

  it('carries nothing, and leaves forwarding as it is, before an administrator approves', async () => {
    expect(await forwarding()).toBe('0 0');
    expect(await reaches('192.168.10.7')).toBe(false);
  });

  it('carries both families once approved, with an address of its own as the source', async () => {
    for (const route of ROUTES) await coordinator.verb('routes', 'approve', 'router', route);
    await waitFor('IPv4', () => reaches('192.168.10.7'));
    await waitFor('IPv6', () => reaches('fd10::7'));
    expect(await forwarding()).toBe('1 1');
    expect(await sourceSeen()).toBe('192.168.10.1');
  });

  const passes = async (address: string) =>
    (await stranger.run('ping', ['-n', '-c1', '-W1', address])).status === 0;

  it('SEC-39: what it did not forward before it forwards for the mesh alone', async () => {
    expect(await passes('192.168.10.7')).toBe(false);
    expect(await passes('fd10::7')).toBe(false);
    const counted = ['list', 'counter', 'inet', 'warren-forward-warren0', 'between'];
    const packets = /packets (\d+)/.exec(await router().runOk('nft', counted))?.[1];
    expect(Number(packets)).toBeGreaterThanOrEqual(2);
    // It may well be asked by that network, and answer.
    expect(await passes('192.168.20.1')).toBe(true);
  });

  it('containers of its host are forwarded for as their bridge has it, also one that is made later', async () => {
    const container = await lab.host('container');
    await lab.link(router(), [], container, ['192.168.30.7/24']);
    await container.ip('route add default via 192.168.30.1');
    await router().ip('link add ctr0 type bridge');
    await router().ip('link set eth3 master ctr0');
    await router().ip('address add 192.168.30.1/24 dev ctr0');
    await router().ip('link set ctr0 up');
    await printer.ip('route add 192.168.30.0/24 via 192.168.10.1');
    await waitFor('the printer', async () => {
      return (await container.run('ping', ['-n', '-c1', '-W1', '192.168.10.7'])).status === 0;
    });
    expect(await passes('192.168.10.7')).toBe(false);
  });

  it('where forwarding was on in a family before, that stays as it was', async () => {
    expect(await agents.router.stop()).toBe(0);
    await router().runOk('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    await agents.router.up();
    await waitFor('IPv6', () => reaches('fd10::7'));
    await waitFor('the stranger', () => passes('192.168.10.7'));
    expect(await passes('fd10::7')).toBe(false);
    expect(await agents.router.stop()).toBe(0);
    expect(await forwarding()).toBe('1 0');
    await router().runOk('sysctl', ['-qw', 'net.ipv4.ip_forward=0']);
    await agents.router.up();
    await waitFor('IPv4', () => reaches('192.168.10.7'));
  });

  it('passes streams through networks of a smaller MTU, also where the ICMP that tells of it is lost', async () => {
    await router().ip('link set eth1 mtu 1300');
    for (const host of [agents.laptop.host, printer]) {
      const lost = 'icmp type destination-unreachable drop';
      await host.runOk('nft', [
        `table ip lost { chain input { type filter hook input priority 0; ${lost}; }; }`,
      ]);
    }
    const server = printer.spawn('iperf3', ['--server', '--one-off', '--forceflush']);
    await server.waitForOutput(/Server listening/);
    const { end } = JSON.parse(
      await agents.laptop.host.runOk('iperf3', ['--client', '192.168.10.7', '--json', '--bytes', '5M']),
    );
    expect(end.sum_received.bytes).toBeGreaterThan(1e6);
  });

  it('SEC-39: nobody behind it opens a flow into the mesh', async () => {
    const [laptop] = (await agents.laptop.addresses()) as [string];
    await printer.ip('route add default via 192.168.10.1');
    expect((await printer.run('ping', ['-n', '-c1', '-W1', laptop])).status).not.toBe(0);
    const counters = await router().runOk('nft', ['list', 'counter', 'inet', 'warren-warren0', 'foreign']);
    expect(Number(/packets (\d+)/.exec(counters)?.[1])).toBeGreaterThan(0);
  });

  it('SEC-39: who flushes the ruleset of the host opens it for seconds, not for good', async () => {
    const tables = async () => (await router().runOk('nft', ['list', 'tables'])).split('\n').sort().join();
    const before = await tables();
    await router().runOk('nft', ['flush', 'ruleset']);
    await waitFor('the tables', async () => (await tables()) === before, { timeout: 40_000 });
    await waitFor('IPv4', () => reaches('192.168.10.7'));
  });

  it('with --snat=false the source stays, and answers come back', async () => {
    expect(await agents.router.stop()).toBe(0);
    expect(await forwarding()).toBe('0 0');
    expect(await router().runOk('nft', ['list', 'tables'])).toBe('');
    await agents.router.join(await coordinator.token(), '--advertise-routes', ROUTES.join(), '--snat=false');
    await waitFor('the way to be there again', () => reaches('192.168.10.7'));
    expect(await sourceSeen()).toBe((await agents.laptop.addresses())[0]);
  });

  it('SEC-47: after kill -9 and the next start everything is as it was before the first', async () => {
    await agents.router.stop('SIGKILL');
    expect(await forwarding()).toBe('1 1');
    await agents.router.up();
    await waitFor('the way to be there again', () => reaches('192.168.10.7'));
    for (const route of ROUTES) await coordinator.verb('routes', 'unapprove', 'router', route);
    await waitFor('forwarding to be off', async () => (await forwarding()) === '0 0');
    await waitFor('the way to be gone', async () => !(await reaches('192.168.10.7')));
    expect(await agents.router.stop()).toBe(0);
    expect(await router().runOk('nft', ['list', 'tables'])).toBe('');
  });

  it('SEC-47: after kill -9 `leave` puts all back, while no agent runs', async () => {
    await agents.router.up();
    for (const route of ROUTES) await coordinator.verb('routes', 'approve', 'router', route);
    await waitFor('forwarding', async () => (await forwarding()) === '1 1');
    await agents.router.stop('SIGKILL');
    expect((await agents.router.run('leave')).stdout).toBe('left the network\n');
    expect(await forwarding()).toBe('0 0');
    expect(await router().runOk('nft', ['list', 'tables'])).toBe('');
  });
});
