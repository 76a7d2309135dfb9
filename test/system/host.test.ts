/**
 * This host's state, brought from what is to what is wanted. The tunnel's interface is a TUN device that nobody reads.
 *
 *     here   eth0 192.168.1.5/24, 2001:db8:1::5/64 ─── router
 *            tun0 the mesh, 100.64.0.0/10 and fd00:64::/48
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { InterfaceChanges, WantedInterface } from '../../agent/host/interface.ts';
import type { LocalAddress } from '../../agent/host/local-addresses.ts';
import { describeNeedsRoot } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';

interface Failure {
  code: string;
  message: string;
  hint: string;
}

const MESH = ['100.64.0.0/10', 'fd00:64::/48'];
const WANTED: WantedInterface = {
  name: 'tun0',
  mtu: 1380,
  addresses: ['100.64.0.7/32', 'fd00:64::7/128'],
  routes: MESH,
};

describeNeedsRoot('the tunnel interface of this host', () => {
  let lab: Lab;
  let here: TestHost;

  beforeEach(async () => {
    lab = new Lab();
    here = await lab.host('here');
    const router = await lab.host('router');
    await lab.link(here, ['192.168.1.5/24', '2001:db8:1::5/64'], router, ['192.168.1.1/24']);
    await here.ip('tuntap add dev tun0 mode tun');
  });
  afterEach(() => lab.close());

  async function call<T>(name: string, argument: unknown): Promise<{ result?: T; error?: Failure }> {
    const script = join(import.meta.dirname, '../support/host-call.ts');
    return JSON.parse(await here.runOk(process.execPath, [script, name, JSON.stringify(argument)]));
  }

  async function reconcile(changes: Partial<WantedInterface> = {}): Promise<InterfaceChanges> {
    const { result, error } = await call<InterfaceChanges>('reconcile', { ...WANTED, ...changes });
    expect(error).toBeUndefined();
    return result as InterfaceChanges;
  }

  const conflict = async (ranges = MESH) => (await call('conflicts', { ranges, name: 'tun0' })).error ?? null;

  /** Networks with our mark, and nothing about metrics. */
  async function meshRoutes(): Promise<string[]> {
    const routes: string[] = [];
    for (const family of ['-4', '-6'])
      for (const line of (await here.ip(`${family} route show proto 87`)).split('\n'))
        if (line !== '') routes.push(line.split(' ').slice(0, 3).join(' '));
    return routes;
  }

  it('is up with MTU, addresses and routes, and without a link-local address', async () => {
    const changes = await reconcile();
    expect(changes).toEqual({ added: [...WANTED.addresses, ...MESH], removed: [], notes: [] });
    expect(await here.ip('link show dev tun0')).toMatch(/[<,]UP[,>].* mtu 1380 /);
    const addresses = await here.ip('-o address show dev tun0');
    expect(addresses).toContain('inet 100.64.0.7/32');
    expect(addresses).toContain('inet6 fd00:64::7/128');
    expect(addresses).not.toContain('fe80:');
    expect(await meshRoutes()).toEqual(['100.64.0.0/10 dev tun0', 'fd00:64::/48 dev tun0']);
  });

  it('is left alone when nothing is to be done', async () => {
    await reconcile();
    expect(await reconcile()).toEqual({ added: [], removed: [], notes: [] });
  });

  it('gets back what somebody took away, and loses what is not wanted any more', async () => {
    await reconcile({ routes: [...MESH, '10.7.0.0/16', '10.8.0.1/32', 'fd00:7::/64'] });
    await here.ip('link set tun0 down');
    await here.ip('link set tun0 mtu 1300');
    await here.ip('address delete 100.64.0.7/32 dev tun0');
    await here.ip('address add 10.1.1.1/32 dev tun0');
    const routes = [...MESH, '10.8.0.1/32', 'fd00:7::/64'];
    await reconcile({ routes });
    expect(await here.ip('link show dev tun0')).toMatch(/[<,]UP[,>].* mtu 1380 /);
    expect(await reconcile({ routes })).toEqual({ added: [], removed: [], notes: [] });
    const addresses = await here.ip('-o address show dev tun0');
    expect(addresses).toContain('inet 100.64.0.7/32');
    expect(addresses).not.toContain('10.1.1.1');
    expect(await meshRoutes()).toEqual([
      '10.8.0.1 dev tun0',
      '100.64.0.0/10 dev tun0',
      'fd00:7::/64 dev tun0',
      'fd00:64::/48 dev tun0',
    ]);
  });

  it("an administrator's own routes stay, through the tunnel and past it", async () => {
    await reconcile();
    await here.ip('route add 10.9.0.0/16 dev tun0');
    await here.ip('route add 10.10.0.0/16 via 192.168.1.1');
    await reconcile({ routes: [...MESH, '10.10.0.0/16'] });
    await reconcile();
    const routes = await here.ip('route show');
    expect(routes).toContain('10.9.0.0/16 dev tun0');
    expect(routes).toContain('10.10.0.0/16 via 192.168.1.1 dev eth0');
  });

  it('SEC-47: with the device, all that was routed through it is gone', async () => {
    await reconcile({ routes: [...MESH, '10.7.0.0/16'] });
    const before = (await here.ip('route show')).split('\n').filter((line) => !line.includes('tun0'));
    await here.ip('tuntap delete dev tun0 mode tun');
    expect((await here.ip('route show')).split('\n')).toEqual(before);
    expect(await meshRoutes()).toEqual([]);
  });

  it('a network that this host is connected to stays connected, and comes by the mesh once it is not', async () => {
    await reconcile({ routes: [...MESH, '192.168.1.0/24', '2001:db8:1::/64'] });
    const toRouter = () => here.ip('route get 192.168.1.1');
    expect(await toRouter()).toContain('dev eth0');
    expect(await here.ip('route get 2001:db8:1::1')).toContain('dev eth0');
    await here.runOk('ping', ['-c1', '-W15', '192.168.1.1']);
    await here.ip('link set eth0 down');
    expect(await toRouter()).toContain('dev tun0');
    await here.ip('link set eth0 up');
    expect(await toRouter()).toContain('dev eth0');
  });

  it('a part of a network that this host is connected to is not routed, and a note says so', async () => {
    const routes = [...MESH, '192.168.1.0/25', '10.7.0.0/16'];
    const { notes } = await reconcile({ routes });
    expect(notes).toEqual(['192.168.1.0/25 is a part of 192.168.1.0/24 on eth0 of this host: not routed']);
    expect(await meshRoutes()).not.toContain('192.168.1.0/25 dev tun0');
    await here.ip('address delete 192.168.1.5/24 dev eth0');
    expect(await reconcile({ routes })).toEqual({ added: ['192.168.1.0/25'], removed: [], notes: [] });
  });

  it("a wider network around the mesh's own range, met on the way, does not take it away", async () => {
    await reconcile();
    await here.ip('address add 100.64.200.1/8 dev eth0');
    expect(await reconcile()).toEqual({ added: [], removed: [], notes: [] });
    expect(await here.ip('route get 100.64.0.9')).toContain('dev tun0');
  });

  it('what the kernel refuses is told, and does not keep the rest away', async () => {
    const { error } = await call('reconcile', { ...WANTED, routes: ['224.0.0.1/8', ...MESH] });
    expect(error?.message).toMatch(/^ip -4 route add 224\.0\.0\.1\/8 /);
    expect(await meshRoutes()).toEqual(['100.64.0.0/10 dev tun0', 'fd00:64::/48 dev tun0']);
  });

  it('without IPv6 on the host there is IPv4, and a note', async () => {
    await here.runOk('sh', ['-c', 'for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 > $f; done']);
    const changes = await reconcile();
    expect(changes.added).toEqual(['100.64.0.7/32', '100.64.0.0/10']);
    expect(changes.notes).toEqual(['IPv6 is off on this host: the mesh is reached by IPv4 only']);
    expect((await reconcile()).added).toEqual([]);
    expect(await conflict()).toBeNull();
  });

  it.each(['-x', '$(id>a)', ';reboot', '`id`', '"', "'", '&&false', '|x', '*', '~', '>b', '\\'])(
    'SEC-64: %j as its name is a name and nothing else',
    async (name) => {
      await here.ip(`link set tun0 name ${name}`);
      const { added } = await reconcile({ name });
      expect(added).toEqual([...WANTED.addresses, ...MESH]);
      expect(await reconcile({ name })).toEqual({ added: [], removed: [], notes: [] });
      for (const file of ['a', 'b']) expect(existsSync(file)).toBe(false);
    },
  );

  it('own addresses are all but loopback, link-local ones and those of the tunnel', async () => {
    await reconcile();
    await here.ip('address add 169.254.7.7/16 dev eth0');
    const { result } = await call<LocalAddress[]>('addresses', { name: 'tun0' });
    expect(result?.map(({ interfaceName, cidr }) => [interfaceName, cidr])).toEqual([
      ['eth0', '192.168.1.5/24'],
      ['eth0', '2001:db8:1::5/64'],
    ]);
  });

  it('an interface that is gone is one line', async () => {
    const { error } = await call('reconcile', { ...WANTED, name: 'tun9' });
    expect(error?.message).toMatch(/^ip -json link show dev tun9: .*does not exist/);
    expect(error?.message).not.toContain('\n');
  });

  it.each([
    ['a connected network', 'address add 100.64.3.1/24 dev eth0', '100.64.3.1/24'],
    ['a wider connected network', 'address add 100.1.1.1/8 dev eth0', '100.1.1.1/8'],
    ['a connected network of IPv6', 'address add fd00:64:0:1::1/64 dev eth0 nodad', 'fd00:64:0:1::1/64'],
    ['a route', 'route add 100.65.0.0/16 via 192.168.1.1', '100.65.0.0/16'],
    ['a route to one address', 'route add 100.65.0.1 via 192.168.1.1', '100.65.0.1'],
    [
      'a route over two hops',
      'route add 100.65.0.0/16 nexthop via 192.168.1.1 nexthop via 192.168.1.2',
      '100.65.0.0/16',
    ],
  ])('%s within the mesh is a conflict that names both', async (_what, command, theirs) => {
    await here.ip(command);
    const found = await conflict();
    expect(found).toMatchObject({ code: 'conflict', hint: expect.stringMatching(/--network/) });
    expect(found?.message).toMatch(/^the mesh uses (100\.64\.0\.0\/10|fd00:64::\/48), which overlaps /);
    expect(found?.message).toContain(`${theirs} on eth0 of this host`);
  });

  it.each([
    ['a default route', ['route add default via 192.168.1.1']],
    ['one in two halves', ['route add 0.0.0.0/1 via 192.168.1.1', 'route add 128.0.0.0/1 via 192.168.1.1']],
    ['one that refuses packets', ['-6 route add unreachable fd00::/8', 'route add blackhole 100.64.0.0/10']],
    ['a neighbour of the range', ['route add 100.128.0.0/16 via 192.168.1.1']],
    ['what runs through the tunnel itself', ['link set tun0 up', 'address add 100.64.0.7/10 dev tun0']],
  ])('%s is no conflict', async (_what, commands) => {
    for (const command of commands) await here.ip(command);
    expect(await conflict()).toBeNull();
  });
});
