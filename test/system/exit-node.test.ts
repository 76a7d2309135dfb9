/**
 * The Internet by another node: laptop and exit are in networks of their own, behind one router, which is the Internet too. What
 * leaves the laptop is captured on its cable.
 *
 *     laptop (192.168.7.2, 2001:db8:7::2) ──┐
 *          printer (192.168.7.9) ───────────┤ router ─── server (203.0.113.9, 2001:db8:113::9)
 *     exit (192.0.2.2, 2001:db8:2::2) ──────┤
 *     vpn.example (198.51.100.2) ───────────┘ DNS at 192.168.7.1 and, with other answers, at 192.0.2.1
 */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { capture } from '../support/capture.ts';
import { dhcpServer, takeRoutes } from '../support/dhcp.ts';
import { leftovers, TestAgent, TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { nameServer, removeNetnsFolder, resolvConf } from '../support/resolvers.ts';
import { waitFor } from '../support/wait-for.ts';

const SERVER = ['203.0.113.9', '2001:db8:113::9'] as const;

describeNeeds(['root', 'tun', 'nft', 'ncat', 'tcpdump', 'dig', 'dnsmasq', 'udhcpc'], 'an exit node', () => {
  const lab = new Lab();
  const port = 51_820;
  let coordinator: TestCoordinator;
  let laptop: TestAgent;
  let exit: TestAgent;
  let tablet: TestAgent;
  let server: TestHost;
  let printer: TestHost;
  let router: TestHost;

  beforeAll(async () => {
    router = await lab.host('router');
    await router.runOk('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    const lan = await lab.switch('lan');
    await lab.plug(router, lan, ['192.168.7.1/24', '2001:db8:7::1/64']);
    const host = async (name: string, four: string, six: string) => {
      const made = await lab.host(name);
      await lab.link(router, [`${four}1/24`, `${six}1/64`], made, [`${four}2/24`, `${six}2/64`]);
      await made.ip(`route add default via ${four}1`);
      await made.ip(`-6 route add default via ${six}1`);
      return made;
    };
    const coordinatorHost = await host('coord', '198.51.100.', '2001:db8:c::');
    const exitHost = await host('exit', '192.0.2.', '2001:db8:2::');
    server = await host('server', '203.0.113.', '2001:db8:113::');
    for (const address of SERVER)
      await server.ip(`address add ${address}/32 dev lo`.replace(':9/32', ':9/128'));
    await router.ip(`route add ${SERVER[0]} via 203.0.113.2`);
    await router.ip(`-6 route add ${SERVER[1]} via 2001:db8:113::2`);
    const laptopHost = await lab.host('laptop');
    await lab.plug(laptopHost, lan, ['192.168.7.2/24', '2001:db8:7::2/64']);
    await laptopHost.ip('route add default via 192.168.7.1');
    await laptopHost.ip('-6 route add default via 2001:db8:7::1');
    const tabletHost = await lab.host('tablet');
    await lab.plug(tabletHost, lan, ['192.168.7.3/24', '2001:db8:7::3/64']);
    await tabletHost.ip('route add default via 192.168.7.1');
    await tabletHost.ip('-6 route add default via 2001:db8:7::1');
    resolvConf(lab, tabletHost, 'nameserver 192.168.7.1\n');
    tablet = new TestAgent(tabletHost, 'tablet', `${lab.directory('tablet')}/state`);
    printer = await lab.host('printer');
    await lab.plug(printer, lan, ['192.168.7.9/24']);
    resolvConf(lab, laptopHost, 'nameserver 192.168.7.1\n');
    resolvConf(lab, exitHost, 'nameserver 192.0.2.1\n');
    const found = 'vpn.example/198.51.100.2';
    await nameServer(router, '192.168.7.1', [found, 'www.example/203.0.113.1']);
    await nameServer(router, '192.0.2.1', [found, 'www.example/203.0.113.2']);
    const url = ['--url', 'https://vpn.example:8443'];
    coordinator = new TestCoordinator(coordinatorHost, lab.directory('coordinator'), url);
    laptop = new TestAgent(laptopHost, 'laptop', `${lab.directory('laptop')}/state`);
    exit = new TestAgent(exitHost, 'exit', `${lab.directory('exit')}/state`);
    await coordinator.start();
    await exit.join(await coordinator.token(), '--advertise-exit-node');
    await laptop.join(await coordinator.token(), '--listen-port', String(port));
    await laptop.knows(1);
  });
  afterAll(async () => {
    await lab.close();
    removeNetnsFolder();
  });

  const reaches = (host: TestHost, address: string, ...flags: string[]) =>
    host.run('ping', ['-n', '-c1', '-W1', ...flags, address]).then(({ status }) => status === 0);
  const reachesAll = async (host: TestHost) =>
    (await Promise.all(SERVER.map((to) => reaches(host, to)))).every(Boolean);
  /** Every way to the Internet that a program of the host may try, whether it comes back or not. */
  const tryAll = async (host: TestHost) => {
    const sent = SERVER.flatMap((to) => [
      reaches(host, to),
      reaches(host, to, '-I', 'eth0'),
      host.run('ncat', ['-w', '1', to, '80']),
      host.run('ncat', ['-u', '-w', '1', to, '53'], { input: 'who?' }),
    ]);
    await Promise.all(sent);
  };
  /** What the router got from the host with this number that is neither the agent's nor of the link. */
  const leaks = (number: 2 | 3) =>
    capture(
      lab,
      router,
      'eth0',
      `(src host 192.168.7.${number} or src host 2001:db8:7::${number} or src net 100.64.0.0/10) and not (udp src port ${port})` +
        ' and not (tcp port 8443 and host 198.51.100.2) and not icmp6 and not (udp port 5351 or udp port 1900)' +
        // Which names are asked for there is another test's.
        ' and not (udp port 53 and host 192.168.7.1)',
    );
  /** As `leaks`, while everything is tried. */
  const leaked = async ({ host } = laptop) => {
    const all = await leaks(host === laptop.host ? 2 : 3);
    await tryAll(host);
    // The last of what could leak is followed by what the capture must see: it has then seen the rest.
    await reaches(host, '192.168.7.1', '-m', '8847360');
    const packets = await all.stop((seen) => seen.some((packet) => packet[9] === 1 && packet[19] === 1));
    return packets.filter((packet) => !packet.subarray(16, 20).equals(Buffer.from([192, 168, 7, 1])));
  };
  /** Which address a server of the Internet sees. */
  const seenAs = async (address: string) => {
    const listening = server.spawn('ncat', [address.includes(':') ? '-6' : '-4', '-l', '7000', '-v']);
    await listening.waitForOutput(/Listening/);
    await laptop.host.run('ncat', ['-z', '-w', '2', address, '7000']);
    const [, source] = await listening.waitForOutput(/Connection from ([0-9a-f.:]*[0-9a-f])[.:\s]/);
    await listening.end();
    return source;
  };
  const chosen = async () => (await laptop.status()).self.exitNode?.state ?? null;
  const tables = () => laptop.host.runOk('nft', ['list', 'tables']);

  it('is none before an administrator approves it', async () => {
    const { status, stderr } = await laptop.run('exit-node', 'use', 'exit');
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/"exit" is no exit node.*coordinator exit-nodes approve/),
    ]);
    expect(await coordinator.verb('exit-nodes', 'list')).toMatch(/exit +waits for approval/);
    await coordinator.verb('exit-nodes', 'approve', 'exit');
    await waitFor('the offer', async () => (await laptop.run('exit-node', 'list')).stdout.includes('exit '));
    // One a host, and what is refused is not kept.
    await laptop.host.runOk('nft', ['add table inet warren-exit-other0']);
    const refused = await laptop.run('exit-node', 'use', 'exit');
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/another agent of this host has an exit node/),
    ]);
    await laptop.host.runOk('nft', ['delete table inet warren-exit-other0']);
    expect(await chosen()).toBeNull();
    // What the capture below would see without an exit node.
    expect(await leaked()).not.toHaveLength(0);
  });

  it('SEC-41: carries both families, and nothing else leaves', async () => {
    const { stdout } = await laptop.run('exit-node', 'use', 'exit');
    expect(stdout).toMatch(/^exit: in use/);
    await waitFor('the way', () => reachesAll(laptop.host));
    expect(await seenAs(SERVER[0])).toBe('192.0.2.2');
    expect(await seenAs(SERVER[1])).toBe('2001:db8:2::2');
    expect(await leaked()).toEqual([]);
    // The agent itself goes past it.
    const { self, peers } = await laptop.status();
    expect(self.coordinator).toBe('connected');
    expect(peers[0]).toMatchObject({ path: 'direct' });
  });

  it('SEC-41: more specific routes that a DHCP server of the local network hands out lead nothing out', async () => {
    const { host } = laptop;
    // Both halves of the Internet (CVE-2024-3661), and one server of it alone (RFC 3442).
    const rogue = ['0.0.0.0/1', '128.0.0.0/1', '203.0.113.0/24', `${SERVER[0]}/32`];
    const dhcp = await dhcpServer(lab, router, '192.168.7', rogue);
    await takeRoutes(lab, host);
    await host.ip(`-6 route add ${SERVER[1]}/128 via 2001:db8:7::1`);
    const taken = await host.ip('route show table main');
    for (const route of rogue)
      expect(taken).toContain(`${route.replace('/32', '')} via 192.168.7.1 dev eth0`);
    expect(await leaked()).toEqual([]);
    expect(await reachesAll(host)).toBe(true);
    // Rules that somebody takes away come back.
    await host.ip('rule delete priority 8750');
    await host.ip('-6 rule delete priority 8750');
    for (const route of rogue) await host.ip(`route delete ${route}`);
    await host.ip(`-6 route delete ${SERVER[1]}/128`);
    await waitFor('the rules to be back', () => reachesAll(host));
    await dhcp.end();
  });

  it('SEC-42: the agent’s own UDP never enters its own TUN, with an exit node and without, whatever the routes say', async () => {
    const { host } = laptop;
    const dump = host.spawn('tcpdump', ['-n', '-l', '-i', 'warren0', `udp port ${port} or icmp`]);
    await dump.waitForOutput(/listening on/);
    // To where the exit node is, and to anywhere.
    const into = ['192.0.2.2/32', '0.0.0.0/1', '128.0.0.0/1'];
    for (const use of [
      ['exit-node', 'off'],
      ['exit-node', 'use', 'exit'],
    ]) {
      await laptop.run(...use);
      for (const route of into) await host.ip(`route add ${route} dev warren0`);
      await exit.host.run('ping', ['-n', '-c2', '-i0.3', '-W1', (await laptop.addresses())[0] as string]);
      await tryAll(host);
      for (const route of into) await host.ip(`route delete ${route} dev warren0`);
    }
    await waitFor('what follows', async () => {
      await reaches(host, (await exit.addresses())[0] as string);
      return /echo request/.test(dump.output);
    });
    await dump.end('SIGINT');
    expect(dump.output).not.toMatch(new RegExp(`\\.${port}\\b`));
    await waitFor('the way', () => reachesAll(host));
  });

  it('SEC-41: names are asked for at the exit node; only what the agent needs is asked outside', async () => {
    const asked = router.spawn('tcpdump', ['-n', '-l', '-i', 'eth0', 'src host 192.168.7.2 and port 53']);
    await asked.waitForOutput(/listening on/);
    const dig = async (name: string, ...flags: string[]) =>
      (await laptop.host.run('dig', ['+short', '+tries=1', '+time=3', ...flags, name])).stdout.trim();
    expect(await dig('www.example')).toBe('203.0.113.2');
    expect(await dig('www.example', '+tcp')).toBe('203.0.113.2');
    expect(await dig('exit.warren')).toBe((await exit.addresses())[0]);
    // Its own resolver is of no use any more to a program that asks there all the same.
    expect(await dig('www.example', '@192.168.7.1')).not.toBe('203.0.113.1');
    expect(await dig('vpn.example')).toBe('198.51.100.2');
    await asked.waitForOutput(/vpn\.example/);
    await asked.end('SIGINT');
    expect(asked.output).not.toContain('www.example');
  });

  it('the coordinator is found again by its name, also while the exit node is away', async () => {
    expect(await exit.stop()).toBe(0);
    expect(await coordinator.stop()).toBe(0);
    const is = async (state: string) => (await laptop.status()).self.coordinator === state;
    await waitFor('it to be away', () => is('disconnected'));
    await coordinator.start();
    await waitFor('it to be found', () => is('connected'), { timeout: 60_000 });
    await exit.up();
    await waitFor('the way', () => reachesAll(laptop.host));
  });

  it('SEC-39: nobody on the exit node’s network or the Internet opens a flow into the mesh', async () => {
    const [four, six] = (await laptop.addresses()) as [string, string];
    await router.ip(`route add ${four} via 192.0.2.2`);
    await router.ip(`-6 route add ${six} via 2001:db8:2::2`);
    for (const host of [router, server])
      for (const to of [four, six]) expect(await reaches(host, to)).toBe(false);
    expect(await reachesAll(laptop.host)).toBe(true);
  });

  it('SEC-36: the exit node’s own network and private ones behind it stay its own, and a policy says what else', async () => {
    await router.ip('address add 10.1.1.1/32 dev lo');
    const [own] = (await exit.addresses()) as [string];
    expect(await reaches(laptop.host, own)).toBe(true);
    for (const to of ['192.0.2.1', '2001:db8:2::1', '10.1.1.1'])
      expect(await reaches(laptop.host, to)).toBe(false);
    const file = `${lab.directory('policy')}/policy.json`;
    const apply = (dst: string[]) => {
      writeFileSync(file, JSON.stringify({ acls: [{ action: 'accept', src: ['*'], dst }] }));
      return coordinator.verb('policy', 'apply', file);
    };
    const opens = async (to: string, ...ports: number[]) => {
      const listening = ports.map((each) => server.spawn('ncat', ['-k', '-l', String(each), '-v']));
      for (const each of listening) await each.waitForOutput(/Listening/);
      const answers = await Promise.all(
        ports.map((each) => laptop.host.run('ncat', ['-z', '-w', '2', to, String(each)])),
      );
      await Promise.all(listening.map((each) => each.end()));
      return answers.map(({ status }) => status === 0);
    };
    await apply(['autogroup:internet:7001']);
    await waitFor('the policy', async () => !(await reaches(laptop.host, own)));
    for (const to of SERVER) expect(await opens(to, 7001, 7002)).toEqual([true, false]);
    const dig = ['+short', '+tries=1', '+time=3', 'www.example'];
    expect((await laptop.host.run('dig', dig)).stdout.trim()).toBe('203.0.113.2');
    await apply(['*:*']);
    await waitFor('another policy', () => reaches(laptop.host, own));
    await waitFor('the way', () => reachesAll(laptop.host));
    for (const to of ['192.0.2.1', '10.1.1.1']) expect(await reaches(laptop.host, to)).toBe(false);
  });

  it('the local network is kept by flag only, and its resolvers are not', async () => {
    expect(await reaches(laptop.host, '192.168.7.9')).toBe(false);
    await laptop.run('exit-node', 'use', 'exit', '--allow-lan');
    expect(await reaches(laptop.host, '192.168.7.9')).toBe(true);
    expect(await reachesAll(laptop.host)).toBe(true);
    const resolver = printer.spawn('ncat', ['-l', '-k', '53', '-v']);
    await resolver.waitForOutput(/Listening/);
    expect((await laptop.host.run('ncat', ['-z', '-w', '1', '192.168.7.9', '53'])).status).not.toBe(0);
    await resolver.end();
    await laptop.run('exit-node', 'use', 'exit', '--allow-lan', 'false');
    expect(await reaches(laptop.host, '192.168.7.9')).toBe(false);
  });

  it('containers of the host go by it too, and not into the mesh', async () => {
    const { host } = laptop;
    const container = await lab.host('container');
    const [port0] = await lab.link(host, [], container, ['172.30.0.2/24']);
    await container.ip('route add default via 172.30.0.1');
    await host.ip('link add ctr0 type bridge');
    await host.ip(`link set ${port0} master ctr0`);
    await host.ip('link set ctr0 up');
    await host.ip('address add 172.30.0.1/24 dev ctr0');
    await host.runOk('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    const masquerade = 'ip saddr 172.30.0.0/24 oifname != "ctr0" masquerade';
    await host.runOk('nft', [
      `table ip ctr { chain out { type nat hook postrouting priority 100; ${masquerade}; }; }`,
    ]);
    await waitFor('the way', () => reaches(container, SERVER[0]));
    expect(await reaches(host, '172.30.0.2')).toBe(true);
    expect(await reaches(container, (await exit.addresses())[0] as string)).toBe(false);
    // Nor do they get out beside it.
    await host.ip('route add 203.0.113.0/24 via 192.168.7.1');
    const all = await leaks(2);
    await laptop.stop('SIGKILL');
    expect(await reaches(container, SERVER[0])).toBe(false);
    await reaches(host, '192.168.7.1', '-m', '8847360');
    const packets = await all.stop((seen) => seen.length > 0);
    expect(packets.map((packet) => packet.subarray(16, 20).join('.'))).toEqual(['192.168.7.1']);
    await host.ip('route delete 203.0.113.0/24');
    await laptop.up();
    await host.runOk('nft', ['delete table ip ctr']);
    await waitFor('the way', () => reachesAll(host));
  });

  it('SEC-41: nothing leaves while the exit node is away, not approved or expired', async () => {
    await exit.stop();
    await waitFor('the end to be known', async () => (await chosen()) === 'offline');
    expect(await leaked()).toEqual([]);
    await exit.up();
    await waitFor('the way to be back', () => reachesAll(laptop.host));
    // An exit node with IPv4 alone.
    await exit.host.ip('-6 route delete default');
    expect(await leaked()).toEqual([]);
    await waitFor('the way of IPv4', () => reaches(laptop.host, SERVER[0]));
    expect(await reaches(laptop.host, SERVER[1])).toBe(false);
    await exit.host.ip('-6 route add default via 2001:db8:2::1');
    await waitFor('the way to be back', () => reachesAll(laptop.host));
    await coordinator.verb('exit-nodes', 'unapprove', 'exit');
    await waitFor('that to be known', async () => (await chosen()) === 'not an exit node');
    expect(await leaked()).toEqual([]);
    await coordinator.verb('exit-nodes', 'approve', 'exit');
    await waitFor('the way to be back', () => reachesAll(laptop.host));
    expect((await laptop.run('status')).stdout).toMatch(/exit node exit, in use/);
  });

  it('SEC-41: nothing leaves when the agent was killed; the next start goes on, and `none` gives all back', async () => {
    await laptop.stop('SIGKILL');
    expect(await leaked()).toEqual([]);
    // Nor when its rules are gone too: nftables looks as packets leave.
    await laptop.host.ip('rule delete priority 8750');
    await laptop.host.ip('-6 rule delete priority 8750');
    expect(await leaked()).toEqual([]);
    await laptop.up();
    await waitFor('the way to be back', () => reachesAll(laptop.host));
    // Nor when it ends because it failed.
    await laptop.host.ip('link delete warren0');
    expect(await laptop.process?.exited).toBe(1);
    expect(await leaked()).toEqual([]);
    await laptop.up();
    await laptop.stop('SIGKILL');
    await laptop.up('--exit-node', 'none');
    expect(await reachesAll(laptop.host)).toBe(true);
    expect(await tables()).not.toContain('warren-exit');
    expect(await seenAs(SERVER[0])).toBe('192.168.7.2');
    expect(await laptop.stop()).toBe(0);
    expect(await leftovers(laptop)).toEqual([]);
  });

  it('is remembered, and all of it is gone after an orderly end', async () => {
    await laptop.up('--exit-node', 'exit');
    await waitFor('the way', () => reachesAll(laptop.host));
    expect(await laptop.stop()).toBe(0);
    expect(await leftovers(laptop)).toEqual([]);
    expect(await tables()).toBe('');
    expect(await seenAs(SERVER[0])).toBe('192.168.7.2');
    await laptop.up();
    await waitFor('the same exit node', async () => (await chosen()) === 'in use');
    await waitFor('the way', () => reachesAll(laptop.host));
    expect(await seenAs(SERVER[1])).toBe('2001:db8:2::2');
  });

  it('SEC-41: the same by flag at joining, with the portable driver, where the kernel checks sources strictly', async () => {
    const { host } = tablet;
    const conf = ['net.ipv4.conf.all.rp_filter', 'net.ipv4.conf.eth0.rp_filter'];
    await host.runOk('sysctl', ['-qw', ...conf.map((name) => `${name}=1`)]);
    const validMark = async () =>
      (await host.runOk('sysctl', ['-n', 'net.ipv4.conf.all.src_valid_mark'])).trim();
    const flags = ['--driver', 'portable', '--listen-port', String(port), '--exit-node', 'exit'];
    await tablet.join(await coordinator.token(), ...flags, '--accept-dns=false');
    await waitFor('the way', () => reachesAll(host));
    const direct = async () =>
      (await tablet.status()).peers.find(({ name }) => name === 'exit')?.path === 'direct';
    await waitFor('a direct path', direct);
    expect(await validMark()).toBe('1');
    expect(await leaked(tablet)).toEqual([]);
    // Its resolver cannot be asked by anybody now, and the coordinator is found all the same.
    await coordinator.stop();
    const is = async (state: string) => (await tablet.status()).self.coordinator === state;
    await waitFor('the coordinator to be away', () => is('disconnected'));
    await coordinator.start();
    await waitFor('it to be found', () => is('connected'), { timeout: 60_000 });
    await tablet.stop('SIGKILL');
    expect(await leaked(tablet)).toEqual([]);
    await tablet.up();
    await waitFor('the way', () => reachesAll(host));
    expect(await tablet.stop()).toBe(0);
    expect(await validMark()).toBe('0');
    expect(await leftovers(tablet)).toEqual([]);
  });

  it('after kill -9, `leave` gives all back', async () => {
    await laptop.stop('SIGKILL');
    expect((await laptop.run('leave')).stdout).toBe('left the network\n');
    expect(await reachesAll(laptop.host)).toBe(true);
    expect(await laptop.host.ip('rule')).not.toContain('8787');
    expect(await tables()).not.toContain('warren-exit');
  });
});
