/**
 * A phone with stock WireGuard behind a NAT, and a mesh that it can dial in two places:
 *
 *     hub, second (public)          office (behind a NAT) ── printer (192.168.77.7)
 *     phone (wg-quick, behind another NAT), tablet (the same with another gateway, public)
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestDevice } from '../support/device.ts';
import { TestAgent, TestCoordinator } from '../support/mesh.ts';
import { Internet } from '../support/nat.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['hub', 'second', 'office'] as const;
type Name = (typeof NAMES)[number];
const PORTS = ['7001', '7002'];
const TAGS = { 'tag:phone': [], 'tag:office': [], 'tag:second': [], 'tag:tablet': [] };
const EVERYTHING = { acls: [{ action: 'accept', src: ['*'], dst: ['*:*'] }] };

describeNeeds(
  ['root', 'tun', 'nft', 'wg-quick', 'wireguard-go', 'dig', 'ncat'],
  'a plain WireGuard device',
  () => {
    const lab = new Lab();
    let coordinator: TestCoordinator;
    const agents = {} as Record<Name, TestAgent>;
    const addresses = {} as Record<Name | 'phone' | 'tablet', string[]>;
    let phone: TestDevice;
    let tablet: TestDevice;
    let printer: TestHost;
    let file: string;

    beforeAll(async () => {
      const internet = await Internet.open(lab);
      coordinator = new TestCoordinator(await internet.host('coord'), lab.directory('coordinator'));
      await coordinator.start();
      const site = await internet.nat('site', { kind: 'port-restricted-cone' });
      const home = await internet.nat('home', { kind: 'port-restricted-cone' });
      const hosts = {
        hub: await internet.host('hub'),
        second: await internet.host('second'),
        office: await lab.host('office'),
      };
      await site.plug(hosts.office);
      printer = await lab.host('printer');
      await lab.link(hosts.office, ['192.168.77.1/24', 'fd77::1/64'], printer, [
        '192.168.77.7/24',
        'fd77::7/64',
      ]);
      for (const name of NAMES)
        agents[name] = new TestAgent(hosts[name], name, join(lab.directory(name), 'state'));
      await agents.hub.join(await coordinator.token(), '--accept-routes');
      await agents.second.join(await coordinator.token(), '--accept-routes');
      await agents.office.join(await coordinator.token(), '--advertise-routes', '192.168.77.0/24,fd77::/64');
      for (const name of NAMES) {
        await agents[name].knows(2);
        addresses[name] = await agents[name].addresses();
      }
      for (const route of ['192.168.77.0/24', 'fd77::/64'])
        await coordinator.verb('routes', 'approve', 'office', route);
      phone = new TestDevice(lab, await home.host('phone'));
      tablet = new TestDevice(lab, await internet.host('tablet'));
    });
    afterAll(() => lab.close());

    const serve = async (host: TestHost) => {
      for (const port of PORTS) host.spawn('ncat', ['-l', '-k', port, '--exec', '/bin/cat']);
      await waitFor('the servers', async () => {
        const lines = (await host.runOk('ss', ['-Hltn'])).split('\n');
        return lines.filter((line) => /:700[12] /.test(line)).length === 2 * PORTS.length;
      });
    };
    const opens = async (from: TestHost, to: keyof typeof addresses, port: string, family: 0 | 1) => {
      const { status } = await from.run('ncat', ['-w', '1', '-z', addresses[to][family] as string, port]);
      return status === 0;
    };
    const addressesIn = (text: string) =>
      [...text.matchAll(/^Address = (\S+)\/32, (\S+)\/128$/gm)][0]!.slice(1);

    it('gets a file with the agents that can be dialled, and dials them', async () => {
      file = await coordinator.verb('device', 'add', 'phone', '--dns', 'false');
      await phone.up(file);
      addresses.phone = addressesIn(file);
      for (const name of NAMES) {
        for (const address of addresses[name]) {
          await waitFor(`${name} at ${address}`, () => phone.pings(address, 1));
        }
      }
    });

    it('SEC-39: has a gateway that is a router for nobody else', async () => {
      const between = ['list', 'chain', 'inet', 'warren-forward-warren0', 'between'];
      const lines = (await agents.hub.host.runOk('nft', between)).split('\n').map((line) => line.trim());
      expect(lines.filter((line) => line.endsWith('drop'))).toEqual(
        ['ipv4', 'ipv6'].map((family) => `meta nfproto ${family} counter name "between" drop`),
      );
    });

    it('is reached by all, the one behind a NAT too', async () => {
      for (const name of NAMES) {
        for (const address of addresses.phone) {
          await waitFor(`${name} to reach ${address}`, () => agents[name].pings(address, 1));
        }
      }
    });

    it('reaches the network behind an agent', async () => {
      for (const address of ['192.168.77.7', 'fd77::7']) {
        await waitFor(address, () => phone.pings(address, 1));
      }
    });

    it('is asked for names at its gateway', async () => {
      for (const resolver of addresses.hub) {
        const asked = await phone.host.runOk('dig', [`@${resolver}`, '+short', '+tries=5', 'office.warren']);
        expect(asked.trim()).toBe(addresses.office[0]);
      }
      expect(
        (
          await phone.host.runOk('dig', [`@${addresses.hub[0]}`, '+tcp', '+short', 'phone.warren', 'AAAA'])
        ).trim(),
      ).toBe(addresses.phone[1]);
      // Whoever has names of its own gets none there.
      const foreign = ['+tries=1', '+timeout=1', `@${addresses.hub[0]}`, 'office.warren'];
      expect((await agents.second.host.run('dig', foreign)).status).not.toBe(0);
    });

    it('is shown by agents as what it is, and how it is reached', async () => {
      const hub = (await agents.hub.run('status')).stdout;
      expect(hub).toMatch(/^phone .* device .*direct 203\.0\.113\.\d+:\d+/m);
      expect(hub).toMatch(/phone: plain WireGuard device, at 203\.0\.113\.\d+:\d+, from where it called/);
      const office = await agents.office.status();
      expect(office.peers.find(({ name }) => name === 'phone')).toMatchObject({ device: true, via: 'hub' });
      const ping = await agents.office.run('ping', 'phone', '-c', '1');
      expect(ping.stdout).toMatch(/phone: plain WireGuard device, through hub/);
    });

    it('SEC-13: its addresses are taken from its gateway only', async () => {
      const dropped = async () => (await agents.office.status()).self.counters['source-not-allowed'] ?? 0;
      const before = await dropped();
      const [spoofed, target] = [addresses.phone[0] as string, addresses.office[0] as string];
      await agents.second.host.runOk('ip', ['address', 'add', `${spoofed}/32`, 'dev', 'lo']);
      await agents.second.host.run('ping', ['-n', '-c2', '-W1', '-I', spoofed, target]);
      await agents.second.host.runOk('ip', ['address', 'del', `${spoofed}/32`, 'dev', 'lo']);
      await waitFor('the forged packets to be counted', async () => (await dropped()) >= before + 2);
    });

    it('SEC-36: the policy holds for it both ways, at its gateway, at agents that it dials, and behind it', async () => {
      const policy = {
        groups: {},
        tagOwners: TAGS,
        acls: [
          { action: 'accept', src: ['tag:phone'], dst: ['tag:office:7001', 'tag:second:7001'] },
          { action: 'accept', src: ['tag:office'], dst: ['tag:phone:7002'] },
          { action: 'accept', src: ['tag:second'], dst: ['tag:phone:7002'] },
        ],
      };
      for (const name of ['phone', 'office', 'second']) {
        await coordinator.verb('nodes', 'tag', name, '--tag', name);
      }
      const hosts = {
        phone: phone.host,
        office: agents.office.host,
        second: agents.second.host,
        hub: agents.hub.host,
      };
      await Promise.all(Object.values(hosts).map(serve));
      await coordinator.verb('policy', 'apply', writePolicy(lab, policy));
      const granted = [
        ['phone', 'office', '7001'],
        ['phone', 'second', '7001'],
        ['office', 'phone', '7002'],
        ['second', 'phone', '7002'],
      ] as const;
      for (const [from, to, port] of granted) {
        for (const family of [0, 1] as const) {
          await waitFor(`${from} to reach ${to}:${port}`, () => opens(hosts[from], to, port, family));
        }
      }
      const pairs = [
        ['phone', 'office'],
        ['phone', 'second'],
        ['phone', 'hub'],
        ['office', 'phone'],
        ['second', 'phone'],
        ['hub', 'phone'],
      ] as const;
      const denied = pairs.flatMap(([from, to]) =>
        PORTS.filter((port) => !granted.some((grant) => String(grant) === String([from, to, port]))).flatMap(
          (port) => ([0, 1] as const).map((family) => [from, to, port, family] as const),
        ),
      );
      const verdicts = await Promise.all(
        denied.map(async ([from, ...flow]) => ((await opens(hosts[from], ...flow)) ? [[from, ...flow]] : [])),
      );
      expect(verdicts.flat()).toEqual([]);
      // Nor does it learn of others than those.
      const resolver = `@${addresses.hub[0]}`;
      expect((await phone.host.runOk('dig', [resolver, '+short', 'office.warren'])).trim()).toBe(
        addresses.office[0],
      );
      await coordinator.verb('nodes', 'tag', 'office');
      await waitFor('office to be no name of the phone any more', async () => {
        return (await phone.host.runOk('dig', [resolver, '+short', 'office.warren'])).trim() === '';
      });
      await coordinator.verb('policy', 'apply', writePolicy(lab, EVERYTHING));
      await waitFor('all to be let in again', () => phone.pings(addresses.office[0] as string, 1));
    });

    it('SEC-36: reaches one with another gateway that both dial, as the policy has it', async () => {
      const text = await coordinator.verb('device', 'add', 'tablet', '--gateway', 'second', '--dns', 'false');
      addresses.tablet = addressesIn(text);
      // The phone was first, and its gateway is dialled by both.
      const hub = text.split('[Peer]').find((peer) => peer.includes('# hub'));
      for (const address of addresses.phone) expect(hub).toMatch(new RegExp(`[ ,]${address}/(32|128)`));
      expect(await coordinator.verb('device', 'list')).not.toContain('out of date');
      await tablet.up(text);
      for (const family of [0, 1] as const) {
        const [one, other] = [addresses.phone[family] as string, addresses.tablet[family] as string];
        await waitFor(`the phone to reach ${other}`, () => phone.pings(other, 1));
        await waitFor(`the tablet to reach ${one}`, () => tablet.pings(one, 1));
        await waitFor(`office to reach ${other}`, () => agents.office.pings(other, 1));
      }
      await serve(tablet.host);
      await coordinator.verb('nodes', 'tag', 'tablet', '--tag', 'tablet');
      const acls = [
        { action: 'accept', src: ['tag:phone'], dst: ['tag:tablet:7001'] },
        { action: 'accept', src: ['tag:tablet'], dst: ['tag:phone:7002'] },
      ];
      await coordinator.verb('policy', 'apply', writePolicy(lab, { tagOwners: TAGS, acls }));
      await waitFor('the policy to hold', async () => !(await opens(phone.host, 'tablet', '7002', 0)));
      for (const family of [0, 1] as const) {
        await waitFor('the tablet', () => opens(phone.host, 'tablet', '7001', family));
        await waitFor('the phone', () => opens(tablet.host, 'phone', '7002', family));
        expect(await opens(phone.host, 'tablet', '7002', family)).toBe(false);
        expect(await opens(tablet.host, 'phone', '7001', family)).toBe(false);
      }
      await coordinator.verb('policy', 'apply', writePolicy(lab, EVERYTHING));
      await waitFor('all to be let in again', () => opens(phone.host, 'tablet', '7002', 0));
    });

    it('is called by an agent that was killed and came back, before it notices itself', async () => {
      const kept = join(agents.hub.state, 'device-endpoints.json');
      await waitFor('the agent to have noted where it calls from', () => existsSync(kept), {
        timeout: 20_000,
      });
      await agents.hub.stop('SIGKILL');
      await agents.hub.up();
      // Without that it would be the device's next rekeying, two minutes after the last.
      await waitFor('the device to be reached', () => agents.hub.pings(addresses.phone[0] as string, 1));
      await waitFor('the others behind it', () => agents.office.pings(addresses.phone[1] as string, 1));
    });

    it('is told that its file is out of date when its gateway is gone, and finds the mesh again with another', async () => {
      expect(await coordinator.verb('device', 'list')).toMatch(/^phone .* hub +good/m);
      await agents.hub.stop('SIGKILL');
      await waitFor('the coordinator to notice', async () =>
        (await coordinator.verb('device', 'list')).includes(
          'phone: its gateway hub is away; second would take its place',
        ),
      );
      const key = join(lab.directory('key'), 'key');
      writeFileSync(key, `${/PrivateKey = (.*)/.exec(file)?.[1]}\n`, { mode: 0o600 });
      const next = await coordinator.verb('device', 'config', 'phone', '--private-key-file', key);
      expect(await coordinator.verb('device', 'list')).toMatch(/^phone .* second +good/m);
      await phone.down();
      await phone.up(next);
      for (const address of [...addresses.office, '192.168.77.7']) {
        await waitFor(address, () => phone.pings(address, 1));
      }
      expect(await coordinator.verb('device', 'list')).toContain(
        'tablet: phone cannot be reached through hub any more',
      );
      await tablet.down();
      await tablet.up(await coordinator.verb('device', 'rekey', 'tablet'));
      await waitFor('the tablet', () => phone.pings(addresses.tablet[0] as string, 1));
    });

    it('SEC-7: removed, nobody takes anything of it after 2 s, and no key of it is anywhere', async () => {
      const privateKey = /PrivateKey = (.*)/.exec(file)?.[1] as string;
      await coordinator.verb('device', 'remove', 'phone');
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      for (const address of [...addresses.second, ...addresses.office])
        expect(await phone.pings(address, 1)).toBe(false);
      expect((await agents.second.status()).peers.some(({ name }) => name === 'phone')).toBe(false);
      const kept = [
        coordinator.process?.output ?? '',
        await coordinator.verb('audit', 'list', '--json', '--limit', '500'),
      ];
      for (const name of readdirSync(coordinator.data)) {
        const path = join(coordinator.data, name);
        if (statSync(path).isFile()) kept.push(readFileSync(path, 'latin1'));
      }
      const forms = [
        privateKey,
        Buffer.from(privateKey, 'base64').toString('hex'),
        Buffer.from(privateKey, 'base64').toString('latin1'),
      ];
      for (const text of kept) for (const form of forms) expect(text.includes(form)).toBe(false);
    });
  },
);

function writePolicy(lab: Lab, policy: object): string {
  const path = join(lab.directory('policy'), 'policy.json');
  writeFileSync(path, JSON.stringify(policy));
  return path;
}
