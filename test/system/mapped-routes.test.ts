/**
 * Two sites with the same private range, each under a prefix of its own in the mesh, and each with a name server of its own.
 *
 *     berlin (eth1 192.168.1.1, fd00:1::1) ── printer (192.168.1.7, fd00:1::7)      10.201.1.0/24, fd20:1::/64
 *     oslo   (eth1 192.168.1.1, fd00:1::1) ── nas     (192.168.1.7, fd00:1::7)      10.201.2.0/24, fd20:2::/64
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { nameServer } from '../support/resolvers.ts';
import { waitFor } from '../support/wait-for.ts';

const SITES = { berlin: { behind: 'printer', number: 1 }, oslo: { behind: 'nas', number: 2 } } as const;
type Site = keyof typeof SITES;
const NAMES = Object.keys(SITES) as Site[];

describeNeeds(['root', 'tun', 'nft', 'ncat', 'dig', 'dnsmasq'], 'two sites with one private range', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let agents: Record<Site, TestAgent>;
  const behind = {} as Record<Site, TestHost>;
  const advertised = (site: Site) => {
    const { number } = SITES[site];
    return `192.168.1.0/24=10.201.${number}.0/24,fd00:1::/64=fd20:${number}::/64`;
  };

  beforeAll(async () => {
    ({ coordinator, agents } = await meshOnOneSwitch(lab, NAMES));
    await coordinator.start();
    // Only the node's own offer is approved: the mesh's prefix.
    const routes = '"10.201.0.0/16": ["tag:router"], "fd20::/16": ["tag:router"]';
    await apply(
      `{ "acls": [{ "action": "accept", "src": ["*"], "dst": ["*:*"] }], "autoApprovers": { "routes": { ${routes} } } }`,
    );
    for (const site of NAMES) {
      const host = await lab.host(SITES[site].behind);
      behind[site] = host;
      await lab.link(agents[site].host, ['192.168.1.1/24', 'fd00:1::1/64'], host, [
        '192.168.1.7/24',
        'fd00:1::7/64',
      ]);
      const name = `${SITES[site].behind}.${site}.example`;
      await nameServer(host, '192.168.1.7', [`${name}/192.168.1.7`]);
      const token = await coordinator.token('--tag', 'router');
      await agents[site].join(token, '--accept-routes', '--advertise-routes', advertised(site));
    }
    await coordinator.verb(
      'dns',
      'set',
      ...['--split', 'berlin.example=10.201.1.7', '--split', 'oslo.example=10.201.2.7'],
    );
    for (const site of NAMES) await agents[site].knows(1);
  });
  afterAll(() => lab.close());

  async function apply(document: string): Promise<void> {
    const file = join(lab.directory('policy'), 'policy.json');
    writeFileSync(file, document);
    await coordinator.verb('policy', 'apply', file);
  }
  const reaches = (from: Site, address: string, seconds = 1) => agents[from].pings(address, seconds);
  /** Whether TCP port 53 of a host answers. */
  const opens = async (from: Site, address: string) =>
    (await agents[from].host.run('ncat', ['-z', '-w', '5', address, '53'])).status === 0;
  const lookUp = async (from: Site, name: string) =>
    (
      await agents[from].host.run('dig', ['+short', '+tries=1', '+time=20', '@127.0.0.87', name])
    ).stdout.trim();
  /** Who the printer or the NAS thinks that it talks to. */
  async function sourceSeenAt(site: Site, from: Site, address: string): Promise<string> {
    const server = behind[site].spawn('ncat', ['-4', '-l', '9100', '-v']);
    await server.waitForOutput(/Listening/);
    await agents[from].host.run('ncat', ['-z', '-w', '15', address, '9100']);
    const [, source] = await server.waitForOutput(/Connection from ([\d.]*\d)/);
    await server.end();
    return source as string;
  }

  it('reach each other by address, in both families, approved by the policy alone', async () => {
    const others = [
      ['berlin', 'oslo'],
      ['oslo', 'berlin'],
    ] as const;
    for (const [from, to] of others) {
      const { number } = SITES[to];
      await waitFor(`${to} in IPv4`, () => reaches(from, `10.201.${number}.7`));
      await waitFor(`${to} in IPv6`, () => reaches(from, `fd20:${number}::7`));
    }
    expect(await sourceSeenAt('oslo', 'berlin', '10.201.2.7')).toBe('192.168.1.1');
    // Its own 192.168.1.7 is still the one next door.
    expect(await sourceSeenAt('berlin', 'berlin', '192.168.1.7')).toBe('192.168.1.1');
  });

  it('reach each other by name: what the name server of a site says is read as the mesh has it', async () => {
    // What was set a moment ago may be on its way to the agents.
    await waitFor(
      'the split domains at berlin',
      async () => (await lookUp('berlin', 'nas.oslo.example')) !== '',
    );
    await waitFor('those at oslo', async () => (await lookUp('oslo', 'printer.berlin.example')) !== '');
    expect(await lookUp('berlin', 'nas.oslo.example')).toBe('10.201.2.7');
    expect(await lookUp('oslo', 'printer.berlin.example')).toBe('10.201.1.7');
    // Nearer than the mesh.
    expect(await lookUp('berlin', 'printer.berlin.example')).toBe('192.168.1.7');
    expect(await reaches('berlin', '10.201.1.7', 15)).toBe(true);
  });

  it('SEC-36: the policy judges the addresses that the mesh knows', async () => {
    const dst = '"dst": ["10.201.2.7/32:53,9100", "10.201.1.0/24:*"]';
    const rule = `{ "action": "accept", "proto": "tcp", "src": ["*"], ${dst} }`;
    await apply(`{ "acls": [${rule}] }`);
    await waitFor('the rule', async () => !(await reaches('berlin', '10.201.2.7')));
    expect(await sourceSeenAt('oslo', 'berlin', '10.201.2.7')).toBe('192.168.1.1');
    expect(await opens('oslo', '10.201.1.7')).toBe(true);
  });

  it('SEC-36: with --site-to-site hosts of a site reach the other one, judged as whom the mesh knows', async () => {
    const printer = behind.berlin;
    await printer.ip('route add default via 192.168.1.1');
    await printer.ip('-6 route add default via fd00:1::1');
    await agents.berlin.stop();
    await agents.berlin.up('--site-to-site');
    const rules = [
      '{ "src": ["*"], "dst": ["10.201.2.7/32"], "ip": ["tcp:53", "tcp:9100"] }',
      '{ "src": ["10.201.1.7/32"], "dst": ["10.201.2.7/32"], "ip": ["tcp:9101", "icmp:*"] }',
      '{ "src": ["fd20:1::7/128"], "dst": ["fd20:2::7/128"], "ip": ["icmp:*"] }',
    ];
    await apply(`{ "grants": [${rules.join()}] }`);
    for (const address of ['10.201.2.7', 'fd20:2::7']) {
      const ping = async () => (await printer.run('ping', ['-n', '-c1', '-W1', address])).status === 0;
      await waitFor(`the other site's ${address}`, ping);
    }
    const nas = behind.oslo.spawn('ncat', ['-4', '-l', '-k', '9101', '-v']);
    await nas.waitForOutput(/Listening/);
    expect((await printer.run('ncat', ['-z', '-w', '15', '10.201.2.7', '9101'])).status).toBe(0);
    expect((await nas.waitForOutput(/Connection from ([\d.]*\d)/))[1]).toBe('192.168.1.1');
    // The router itself is another in the mesh than the hosts behind it.
    expect((await agents.berlin.host.run('ncat', ['-z', '-w', '1', '10.201.2.7', '9101'])).status).not.toBe(
      0,
    );
    await nas.end();
  });

  it('with --snat=false the source stays, and answers come back', async () => {
    await behind.oslo.ip('route add default via 192.168.1.1');
    await agents.oslo.stop();
    const token = await coordinator.token('--tag', 'router');
    await agents.oslo.join(token, '--advertise-routes', advertised('oslo'), '--snat=false');
    const [berlin] = (await agents.berlin.addresses()) as [string];
    await waitFor('the way to be there again', () => opens('berlin', '10.201.2.7'));
    expect(await sourceSeenAt('oslo', 'berlin', '10.201.2.7')).toBe(berlin);
    expect(await agents.oslo.stop()).toBe(0);
    expect(await agents.oslo.host.runOk('nft', ['list', 'tables'])).toBe('');
  });
});
