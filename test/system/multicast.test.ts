/**
 * Broadcasts and multicasts across a mesh of three, with Avahi for mDNS. Each host that runs it has a mount namespace for it,
 * with a /run of its own: that is where D-Bus and Avahi meet.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AGENT, meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import type { Child } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['berlin', 'oslo', 'lima'] as const;

describeNeeds(
  ['root', 'tun', 'avahi-daemon', 'avahi-resolve', 'dbus-daemon'],
  'broadcasts and multicasts',
  () => {
    const lab = new Lab();
    let coordinator: TestCoordinator;
    let agents: Record<(typeof NAMES)[number], TestAgent>;

    beforeAll(async () => {
      ({ coordinator, agents } = await meshOnOneSwitch(lab, NAMES));
      await coordinator.start();
      for (const name of NAMES) await agents[name].join(await coordinator.token(), '--workers', '2');
      for (const name of NAMES) await agents[name].knows(2);
    });
    afterAll(() => lab.close());

    /** Sends one packet to everybody; answers are not expected (icmp_echo_ignore_broadcasts). */
    async function shout(address: string): Promise<void> {
      const options = ['-n', '-c1', '-W0.1', '-b', '-I', 'warren0', address];
      const { stderr } = await agents.berlin.host.run('ping', options);
      expect(stderr).not.toMatch(/sendmsg|connect/);
    }

    /** What comes in by the mesh, as lines. */
    async function listenAt(agent: TestAgent): Promise<Child> {
      const child = agent.host.spawn(AGENT, ['capture', '--state', agent.state, '--peer', 'berlin']);
      await child.waitForOutput(/capturing on/);
      return child;
    }

    const ADDRESSES = ['255.255.255.255', '224.0.0.251', 'ff05::1234'];

    it('are off by default: they go to no peer', async () => {
      const sent = async () => (await agents.berlin.status()).peers.map(({ txBytes }) => txBytes);
      const before = await sent();
      for (const address of ADDRESSES) await shout(address);
      expect(await sent()).toEqual(before);
    });

    it('reach every peer that is online within moments of being switched on, and none when switched off again', async () => {
      const listeners = await Promise.all([agents.oslo, agents.lima].map(listenAt));
      await coordinator.verb('network', 'set', '--multicast', 'on');
      for (const address of ADDRESSES) {
        await waitFor(`${address} to reach everybody`, async () => {
          await shout(address);
          return listeners.every((listener) => listener.stdout.includes(` > ${address} `));
        });
      }
      const lines = () => listeners.map(({ stdout }) => stdout.split('\n').length);
      await coordinator.verb('network', 'set', '--multicast', 'off');
      await waitFor('silence', async () => {
        const before = lines();
        await shout('224.0.0.251');
        // What a peer sends now comes after what it sent before.
        for (const [i, name] of (['oslo', 'lima'] as const).entries()) {
          const [address] = (await agents[name].addresses()) as [string];
          const seen = listeners[i]?.stdout.split('echo request').length;
          await agents.berlin.pings(address, 2);
          await waitFor(
            'the ping',
            () => (listeners[i]?.stdout.split('echo request').length ?? 0) > (seen ?? 0),
          );
        }
        return listeners.every(({ stdout }, i) => {
          const newer = stdout
            .split('\n')
            .slice((before[i] as number) - 1)
            .join('\n');
          return !newer.includes('> 224.0.0.251');
        });
      });
      for (const listener of listeners) await listener.end('SIGINT');
    });

    it('let Avahi find a host by its mDNS name, across the mesh', async () => {
      await coordinator.verb('network', 'set', '--multicast', 'on');
      const [address] = (await agents.oslo.addresses()) as [string];
      const avahi = (name: string, then: string) => {
        const file = join(lab.directory(`avahi-${name}`), 'avahi.conf');
        const lines = [
          '[server]',
          `host-name=${name}`,
          'allow-interfaces=warren0',
          'allow-point-to-point=yes',
        ];
        writeFileSync(file, `${lines.join('\n')}\n`);
        const daemon = `avahi-daemon --no-drop-root --no-chroot -f ${file}`;
        const start =
          'mount -t tmpfs none /run && mkdir /run/dbus && dbus-daemon --system --fork --nopidfile';
        return ['--mount', 'sh', '-c', `${start} && ${then.replace('AVAHI', daemon)}`];
      };
      const daemon = agents.oslo.host.spawn('unshare', avahi('fjord', 'exec AVAHI'));
      await daemon.waitForOutput(/Server startup complete/);
      await waitFor('the name to be resolved', async () => {
        const resolve = 'AVAHI --daemonize && avahi-resolve -4 --name fjord.local; avahi-daemon --kill';
        const { stdout } = await agents.berlin.host.run('unshare', avahi('spree', resolve));
        return stdout.trim() === `fjord.local\t${address}`;
      });
    });
  },
);
