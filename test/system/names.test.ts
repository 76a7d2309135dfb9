/**
 * Names across a mesh whose coordinator is known by name alone. Every host has a resolv.conf of its own.
 *
 *     coord 192.0.2.1: vpn.example, DNS for the hosts          berlin .11      oslo .12      lima .13 (DNS behind the tunnel)
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { leftovers, meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import type { Child } from '../support/process.ts';
import { nameServer, removeNetnsFolder, resolvConf } from '../support/resolvers.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['berlin', 'oslo', 'lima'] as const;
const AT_HOME = 'nameserver 192.0.2.1\nsearch home.example\n';
const KNOWN = ['vpn.example/192.0.2.1', 'www.home.example/192.0.2.80'];
/** Longer than any UDP answer. */
const LONG = Array.from(
  { length: 12 },
  (_, index) => `--txt-record=long.example,${String(index).repeat(120)}`,
);

describeNeeds(['root', 'tun', 'dig', 'curl', 'dnsmasq'], 'names', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let agents: Record<(typeof NAMES)[number], TestAgent>;
  let atHome: Child;
  const files = {} as Record<(typeof NAMES)[number], ReturnType<typeof resolvConf>>;

  beforeAll(async () => {
    ({ coordinator, agents } = await meshOnOneSwitch(lab, NAMES, ['--url', 'https://vpn.example:8443']));
    for (const name of NAMES) files[name] = resolvConf(lab, agents[name].host, AT_HOME);
    atHome = await nameServer(coordinator.host, '192.0.2.1', KNOWN, ...LONG);
    await coordinator.start();
    for (const name of NAMES) await agents[name].join(await coordinator.token());
    for (const name of NAMES) await agents[name].knows(2);
  });
  afterAll(async () => {
    await lab.close();
    removeNetnsFolder();
  });

  const dig = async (agent: TestAgent, ...args: string[]) =>
    (await agent.host.run('dig', ['+tries=1', '+time=20', ...args])).stdout;
  const short = async (agent: TestAgent, ...args: string[]) => (await dig(agent, '+short', ...args)).trim();
  const four = async (agent: TestAgent) => (await agent.addresses())[0] as string;
  const isConnected = async (agent: TestAgent) => (await agent.status()).self.coordinator === 'connected';
  const names = async (agent: TestAgent) => (await agent.status()).self.names;
  /** Restarts the coordinator, and waits until the agent has found it again by its name. */
  const isFoundAgain = async (agent: TestAgent) => {
    await coordinator.stop();
    await waitFor('it to be away', async () => !(await isConnected(agent)));
    await coordinator.start();
    await waitFor('it to be found again', () => isConnected(agent), { timeout: 60_000, interval: 250 });
  };

  it('are those of the mesh, for dig, getent and curl, in both families and back', async () => {
    const { berlin, oslo } = agents;
    const [v4, v6] = (await oslo.addresses()) as [string, string];
    expect(await short(berlin, 'oslo.warren')).toBe(v4);
    expect(await short(berlin, '+tcp', 'OSLO.Warren', 'AAAA')).toBe(v6);
    expect(await short(berlin, '-x', v4)).toBe('oslo.warren.');
    expect(await short(berlin, '-x', v6)).toBe('oslo.warren.');
    expect(await short(berlin, 'berlin.warren')).toBe(await four(berlin));
    expect(await dig(berlin, 'nobody.warren')).toMatch(/NXDOMAIN[\s\S]*SOA/);
    expect(await dig(berlin, 'oslo.warren', 'MX')).toMatch(/NOERROR[\s\S]*ANSWER: 0[\s\S]*SOA/);
    expect(await berlin.host.runOk('getent', ['ahosts', 'oslo'])).toContain(v4);
    const page = oslo.host.spawn(process.execPath, [
      '-e',
      "require('http').createServer((_, answer) => answer.end('hello')).listen(8000, '::', () => console.log('listens'))",
    ]);
    await page.waitForOutput(/listens/);
    expect(await berlin.host.runOk('curl', ['-s', '-m', '10', 'http://oslo:8000/'])).toBe('hello');
    expect((await berlin.run('status')).stdout).toMatch(
      /names NAME\.warren at 127\.0\.0\.87, by resolv\.conf/,
    );
  });

  it('of everybody else are the resolvers’ that the host had, by UDP, and by TCP where an answer is long', async () => {
    const { berlin } = agents;
    expect(await short(berlin, 'www.home.example')).toBe('192.0.2.80');
    expect(await berlin.host.runOk('getent', ['ahosts', 'www'])).toContain('192.0.2.80');
    expect(await dig(berlin, '+ignore', '+noedns', 'long.example', 'TXT')).toMatch(/flags: [^;]*tc/);
    expect((await short(berlin, 'long.example', 'TXT')).split('\n')).toHaveLength(12);
    expect((await names(berlin))?.hostResolvers).toEqual(['192.0.2.1']);
  });

  it('follow a rename at once, and a change of the zone', async () => {
    const { berlin, oslo } = agents;
    const address = await four(oslo);
    await coordinator.verb('nodes', 'rename', 'oslo', 'bergen');
    await waitFor('the new name', async () => (await short(berlin, 'bergen.warren')) === address);
    expect(await dig(berlin, 'oslo.warren')).toContain('NXDOMAIN');
    expect(await short(berlin, '-x', address)).toBe('bergen.warren.');
    await coordinator.verb('nodes', 'rename', 'bergen', 'oslo');
    await coordinator.verb('dns', 'set', '--zone', 'mesh.example');
    await waitFor('the new zone', async () => (await short(berlin, 'oslo.mesh.example')) === address);
    expect(files.berlin.read()).toContain('search home.example mesh.example');
    await coordinator.verb('dns', 'set', '--zone', 'warren');
    await waitFor('the old zone', async () => (await short(berlin, 'oslo.warren')) === address);
  });

  it('of a split domain are asked behind the tunnel; the coordinator, in that domain too, is not', async () => {
    const { berlin, lima } = agents;
    const resolver = await four(lima);
    const corp = await nameServer(lima.host, resolver, ['db.example/10.1.2.3', 'vpn.example/10.9.9.9']);
    await coordinator.verb('dns', 'set', '--split', `example=${resolver}`);
    expect(await coordinator.verb('dns', 'show')).toMatch(new RegExp(`example +${resolver}`));
    await waitFor('the other resolver', async () => (await short(berlin, 'db.example')) === '10.1.2.3');
    expect(await short(berlin, 'vpn.example')).toBe('192.0.2.1');
    await corp.end();
    await isFoundAgain(berlin);
    await coordinator.verb('dns', 'set', '--clear-split');
  });

  it('that the network’s unreachable resolver would have to answer do not keep the agent from its coordinator', async () => {
    const { berlin, oslo } = agents;
    await coordinator.verb('dns', 'set', '--resolver', '192.0.2.250');
    await waitFor('it to be asked', async () => (await dig(berlin, 'www.home.example')).includes('SERVFAIL'));
    await isFoundAgain(berlin);
    expect(await short(berlin, 'oslo.warren')).toBe(await four(oslo));
    await coordinator.verb('dns', 'set', '--clear-resolvers');
    await waitFor('the host’s again', async () => (await short(berlin, 'www.home.example')) === '192.0.2.80');
  });

  it('resolve while the coordinator is away, and it is found with no resolver left, after kill -9 too', async () => {
    const { berlin, oslo } = agents;
    const address = await four(oslo);
    await atHome.end();
    await berlin.stop('SIGKILL');
    await coordinator.stop();
    await berlin.up();
    expect(await short(berlin, 'oslo.warren')).toBe(address);
    await coordinator.start();
    await waitFor('it to be found', () => isConnected(berlin), { timeout: 60_000, interval: 250 });
    expect(await short(berlin, 'vpn.example')).toBe('192.0.2.1');
    atHome = await nameServer(coordinator.host, '192.0.2.1', KNOWN, ...LONG);
  });

  it('are the agent’s again when a DHCP client has written other resolvers, and those are asked', async () => {
    const { berlin, oslo } = agents;
    await coordinator.host.ip('address add 192.0.2.2/24 dev eth0');
    const other = await nameServer(coordinator.host, '192.0.2.2', [...KNOWN, 'new.example/192.0.2.81']);
    files.berlin.write('nameserver 192.0.2.2\n');
    await waitFor('it to be followed', async () => files.berlin.read().includes('127.0.0.87'));
    expect(await short(berlin, 'new.example')).toBe('192.0.2.81');
    expect(await short(berlin, 'oslo.warren')).toBe(await four(oslo));
    files.berlin.write(AT_HOME);
    await waitFor('it to be followed', async () =>
      files.berlin.read().includes('search home.example warren'),
    );
    await other.end();
  });

  it('are answered for this host alone, and bad queries are counted', async () => {
    const { berlin, oslo } = agents;
    const address = await four(berlin);
    for (const at of ['192.0.2.11', address, '127.0.0.87'])
      expect(await dig(oslo, '+time=1', `@${at}`, '-b', '192.0.2.12', 'lima.warren')).not.toContain(
        'NOERROR',
      );
    const script = `const s = require('dgram').createSocket('udp4');
      let left = 3;
      for (const hex of ['00', '000181000001000000000000', '0001010000010000000000003f61'])
        s.send(Buffer.from(hex, 'hex'), 53, '127.0.0.87', () => --left === 0 && s.close());`;
    await berlin.host.runOk(process.execPath, ['-e', script]);
    await waitFor('all to be counted', async () => {
      const counters = (await names(berlin))?.counters ?? {};
      return counters.short === 1 && counters.response === 1 && counters.malformed === 1;
    });
    expect(await short(berlin, 'oslo.warren')).toBe(await four(oslo));
  });

  it('SEC-47, SEC-48: leave resolv.conf as it was: at the end, after kill -9 and the next start, and after `leave`', async () => {
    const { berlin, oslo } = agents;
    const { read, write } = files.berlin;
    expect(await berlin.stop()).toBe(0);
    expect([read(), await leftovers(berlin)]).toEqual([AT_HOME, []]);
    await berlin.up();
    await berlin.stop('SIGKILL');
    expect(read()).toContain('127.0.0.87');
    await berlin.up('--accept-dns', 'false');
    expect(read()).toBe(AT_HOME);
    expect(await short(berlin, '@127.0.0.87', 'oslo.warren')).toBe(await four(oslo));
    expect((await berlin.run('status')).stdout).toMatch(
      /does not ask there: started with --accept-dns=false/,
    );
    await berlin.stop();
    await berlin.up('--accept-dns', 'true');
    write('nameserver 192.0.2.77\n');
    await berlin.stop();
    expect(read()).toBe('nameserver 192.0.2.77\n');
    write(AT_HOME);
    await berlin.up();
    await berlin.stop('SIGKILL');
    expect((await berlin.run('leave')).status).toBe(0);
    expect(read()).toBe(AT_HOME);
  });

  it('leave the machine’s own resolv.conf to it in a network namespace without one', async () => {
    const host = await lab.host('plain');
    await lab.plug(host, await lab.switch('spare'), ['198.51.100.1/24']);
    const before = await host.runOk('cat', ['/etc/resolv.conf']);
    const check = `import { isOfThisNetwork } from '${import.meta.dirname}/../../agent/host/own-resolv-conf.ts';
      console.log(isOfThisNetwork('/etc/resolv.conf'));`;
    const args = ['--input-type=module', '-e', check];
    expect(await host.runOk(process.execPath, args)).toBe('false\n');
    expect(await agents.lima.host.runOk(process.execPath, args)).toBe('true\n');
    expect(await host.runOk('cat', ['/etc/resolv.conf'])).toBe(before);
  });
});
