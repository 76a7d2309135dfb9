/**
 * Port mappings on a gateway with miniupnpd:
 *
 *     host 192.168.1.2 ───────┐
 *                             ├── 192.168.1.1 gateway 203.0.114.1 ──── public 203.0.114.9
 *     neighbour 192.168.1.3 ──┘
 *
 * (miniupnpd refuses the addresses that are reserved for documentation as external ones; nothing leaves the test's hosts.)
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Mapping } from '../../agent/port-mapping/mapping.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

const PORT = 51820;
const SUPPORT = join(import.meta.dirname, '../support');
const RULES = `table inet filter {
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname eth0 accept
    jump miniupnpd
  }
  chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority 100; jump postrouting_miniupnpd; oifname eth1 masquerade; }
  chain miniupnpd { }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
}`;

interface Gateway {
  natPmp: boolean;
  upnp: boolean;
}

async function topology(lab: Lab, { natPmp, upnp }: Gateway) {
  const lan = await lab.switch('lan');
  const [host, neighbour] = [await lab.host('host'), await lab.host('neighbour')];
  const [gateway, other] = [await lab.host('gateway'), await lab.host('public')];
  await lab.plug(host, lan, ['192.168.1.2/24']);
  await lab.plug(neighbour, lan, ['192.168.1.3/24']);
  await lab.plug(gateway, lan, ['192.168.1.1/24']);
  await lab.link(gateway, ['203.0.114.1/24'], other, ['203.0.114.9/24']);
  for (const inside of [host, neighbour]) await inside.ip('route add default via 192.168.1.1');
  await gateway.runOk('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
  const folder = lab.directory('miniupnpd');
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  await gateway.runOk('nft', ['-f', file('rules', RULES)]);
  const configuration = [
    'ext_ifname=eth1',
    'listening_ip=eth0',
    `enable_natpmp=${natPmp ? 'yes' : 'no'}`,
    `enable_upnp=${upnp ? 'yes' : 'no'}`,
    'secure_mode=yes',
    'ipv6_disable=yes',
    'uuid=00000000-0000-0000-0000-000000000001',
    'allow 1024-65535 0.0.0.0/0 1024-65535',
  ].join('\n');
  const daemon = gateway.spawn('miniupnpd', [
    ...['-d', '-f', file('configuration', `${configuration}\n`), '-P', join(folder, 'pid')],
  ]);
  await daemon.waitForOutput(natPmp ? /Listening for NAT-PMP/ : /HTTP listening/);
  return { host, neighbour, gateway, other, daemon };
}

const mapPort = (host: TestHost) =>
  host.spawn(process.execPath, [join(SUPPORT, 'map-port.ts'), String(PORT)]);
const rules = (gateway: TestHost) =>
  gateway.runOk('nft', ['list', 'chain', 'inet', 'filter', 'prerouting_miniupnpd']);

describeNeeds(['root', 'nft', 'miniupnpd', 'ncat'], 'port mappings', () => {
  it.each<[Mapping['protocol'], Gateway]>([
    ['PCP', { natPmp: true, upnp: true }],
    ['UPnP', { natPmp: false, upnp: true }],
  ])('%s: the gateway leads its port to this host, until the agent ends', async (protocol, kind) => {
    await using lab = new Lab();
    const { host, gateway, other } = await topology(lab, kind);
    const child = mapPort(host);
    const line = (await child.waitForOutput(/^(\{"protocol.*\})$/m))[1] as string;
    expect(JSON.parse(line)).toMatchObject({ protocol, externalAddress: '203.0.114.1', externalPort: PORT });

    const listener = host.spawn('ncat', ['-u', '-l', String(PORT)]);
    await waitFor('the listener', async () => (await host.runOk('ss', ['-Hlun'])).includes(`:${PORT}`));
    await waitFor('a datagram from outside', async () => {
      await other.runOk('sh', ['-c', `echo from-outside | ncat -u --send-only 203.0.114.1 ${PORT}`]);
      return listener.output.includes('from-outside');
    });

    expect(await child.end('SIGTERM')).toBe(0);
    expect(await rules(gateway)).not.toContain(String(PORT));
  });

  it('NAT-PMP, for gateways that know no PCP, makes a mapping and takes it away', async () => {
    await using lab = new Lab();
    const { host, gateway } = await topology(lab, { natPmp: true, upnp: false });
    const map = async (lifetime: number) => {
      const request = {
        gateway: '192.168.1.1',
        own: '192.168.1.2',
        port: PORT,
        externalPort: PORT,
        lifetime,
      };
      const code = `import { natPmpMap } from '${join(SUPPORT, '../../agent/port-mapping/gateway-calls.ts')}';
        console.log(JSON.stringify(await natPmpMap(${JSON.stringify(request)})));`;
      const args = ['--input-type=module', '--eval', code];
      return JSON.parse(await host.runOk(process.execPath, args)) as Mapping;
    };
    expect(await map(600)).toEqual({
      protocol: 'NAT-PMP',
      externalAddress: '203.0.114.1',
      externalPort: PORT,
      lifetime: 600,
    });
    expect(await rules(gateway)).toMatch(new RegExp(`dport ${PORT} dnat ip to 192.168.1.2:${PORT}`));
    await map(0);
    expect(await rules(gateway)).not.toContain(String(PORT));
  });

  it('a port that another host has mapped: UPnP gives another one', async () => {
    await using lab = new Lab();
    const { host, neighbour, gateway } = await topology(lab, { natPmp: false, upnp: true });
    await mapPort(neighbour).waitForOutput(/"externalPort":51820/);
    const child = mapPort(host);
    const { externalPort } = JSON.parse((await child.waitForOutput(/^(\{"protocol.*\})$/m))[1] as string);
    expect(externalPort).not.toBe(PORT);
    expect(await rules(gateway)).toMatch(new RegExp(`dport ${externalPort}.*192\\.168\\.1\\.2:${PORT}`));
    expect(await child.end('SIGTERM')).toBe(0);
    expect(await rules(gateway)).not.toContain(`192.168.1.2:${PORT}`);
  });

  it('without a gateway that maps ports, it says why and goes on', async () => {
    await using lab = new Lab();
    const { host, daemon } = await topology(lab, { natPmp: true, upnp: true });
    await daemon.end('SIGTERM');
    const child = mapPort(host);
    await child.waitForOutput(
      /"reason":"PCP: .*ECONNREFUSED; NAT-PMP: .*ECONNREFUSED; UPnP: .*does not answer/,
    );
    expect(child.running).toBe(true);
    expect(await child.end('SIGTERM')).toBe(0);
  });
});
