/** Names on a host where systemd-resolved runs: a real one, with a message bus, in a mount namespace of the agent's host. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AGENT, meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { nameServer } from '../support/resolvers.ts';
import { waitFor } from '../support/wait-for.ts';

const BESIDE_RESOLVED = join(import.meta.dirname, '../support/resolved.sh');

describeNeeds(
  ['root', 'tun', 'dig', 'dnsmasq', 'dbus-daemon', 'systemd-resolved', 'resolvectl'],
  'names by systemd-resolved',
  () => {
    const lab = new Lab();
    let coordinator: TestCoordinator;
    let berlin: TestAgent;
    let oslo: TestAgent;

    beforeAll(async () => {
      let agents: { berlin: TestAgent; oslo: TestAgent };
      ({ coordinator, agents } = await meshOnOneSwitch(lab, ['berlin', 'oslo']));
      ({ berlin, oslo } = agents);
      await nameServer(coordinator.host, '192.0.2.1', ['www.home.example/192.0.2.80']);
      await coordinator.start();
      await oslo.join(await coordinator.token());
      // Stays, with the mount namespace and all that is in it, when the agent ends.
      const keeper = berlin.host.spawn('unshare', [
        '--mount',
        BESIDE_RESOLVED,
        '192.0.2.1',
        'sh',
        '-c',
        'echo ready; sleep 3600',
      ]);
      await keeper.waitForOutput(/ready/);
      inside = (...command) => ['nsenter', ['--mount', `--target=${keeper.pid}`, ...command]];
      await start('join', '-', '--hostname', 'berlin');
      await berlin.knows(1);
    });
    afterAll(() => lab.close());

    let inside: (...command: string[]) => [string, string[]];
    const start = async (...verb: string[]) => {
      const input = verb[0] === 'join' ? { input: await coordinator.token() } : {};
      berlin.process = berlin.host.spawn(...inside(AGENT, ...verb, '--state', berlin.state), input);
      await berlin.process.waitForOutput(/^mesh is up$/m);
    };
    const run = (...command: string[]) => berlin.host.runOk(...inside(...command));
    /** By the stub, as this host's programs do. */
    const short = async (...args: string[]) =>
      (await run('dig', '+short', '+tries=1', '+time=20', '@127.0.0.53', ...args)).trim();

    it('are asked of the agent, both ways; all others are asked where they were', async () => {
      const [v4, v6] = (await oslo.addresses()) as [string, string];
      const names = await waitFor('names', async () => (await berlin.status()).self.names);
      expect(names).toMatchObject({
        host: 'systemd-resolved',
        hostResolvers: ['192.0.2.1'],
      });
      expect(await short('oslo.warren')).toBe(v4);
      expect(await short('oslo.warren', 'AAAA')).toBe(v6);
      expect(await short('-x', v4)).toBe('oslo.warren.');
      expect(await short('www.home.example')).toBe('192.0.2.80');
      expect(await run('resolvectl', 'query', 'oslo')).toContain(v4);
      expect(await run('readlink', '/etc/resolv.conf')).toBe('/run/systemd/resolve/stub-resolv.conf\n');
    });

    it('follow renames at once, and the network’s settings', async () => {
      const address = (await oslo.addresses())[0];
      await coordinator.verb('nodes', 'rename', 'oslo', 'bergen');
      await waitFor('the new name', async () => (await short('bergen.warren')) === address);
      await coordinator.verb('dns', 'set', '--resolver', '192.0.2.1', '--split', 'corp.example=192.0.2.1');
      await waitFor('all to be asked of the agent', async () =>
        /~corp\.example .*~\./.test(await run('resolvectl', 'domain', 'warren0')),
      );
      expect(await short('www.home.example')).toBe('192.0.2.80');
      await coordinator.verb('dns', 'set', '--clear-resolvers', '--clear-split');
      await waitFor(
        'the host’s again',
        async () => !/~\.\s*$/.test(await run('resolvectl', 'domain', 'warren0')),
      );
    });

    it('SEC-47: are gone with the interface after kill -9, stand again, and nothing is left at the end', async () => {
      await berlin.stop('SIGKILL');
      await waitFor(
        'resolved to hear that the interface is gone',
        async () => !(await run('resolvectl', 'domain')).includes('warren'),
      );
      await start('up');
      const address = (await oslo.addresses())[0];
      await waitFor('names', async () => (await short('bergen.warren')) === address);
      expect(await berlin.stop()).toBe(0);
      expect(await run('resolvectl', 'domain')).not.toContain('warren');
      expect(await short('www.home.example')).toBe('192.0.2.80');
    });
  },
);
