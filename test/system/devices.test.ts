/**
 * A phone with stock WireGuard behind a NAT, and a mesh that it can dial in two places:
 *
 *     hub, second (public)          office (behind a NAT) ── printer (192.168.77.7)
 *     phone (wg-quick, behind another NAT)
 */
import { join } from 'node:path';
import { afterAll, beforeAll, it } from 'vitest';
import { TestDevice } from '../support/device.ts';
import { TestAgent, TestCoordinator } from '../support/mesh.ts';
import { Internet } from '../support/nat.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['hub', 'second', 'office'] as const;
type Name = (typeof NAMES)[number];

describeNeeds(
  ['root', 'tun', 'nft', 'wg-quick', 'wireguard-go', 'dig', 'ncat'],
  'a plain WireGuard device',
  () => {
    const lab = new Lab();
    let coordinator: TestCoordinator;
    const agents = {} as Record<Name, TestAgent>;
    const addresses = {} as Record<Name | 'phone', string[]>;
    let phone: TestDevice;
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
    });
    afterAll(() => lab.close());

    it('gets a file with the agents that can be dialled, and dials them', async () => {
      file = await coordinator.verb('device', 'add', 'phone', '--dns', 'false');
      await phone.up(file);
      addresses.phone = [...file.matchAll(/^Address = (\S+)\/32, (\S+)\/128$/gm)][0]!.slice(1);
      for (const name of NAMES) {
        for (const address of addresses[name]) {
          await waitFor(`${name} at ${address}`, () => phone.pings(address, 1));
        }
      }
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
  },
);
