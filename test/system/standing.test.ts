/** Hosts that wait for approval or are disabled, and a coordinator that goes back to a backup, with the real programs. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['berlin', 'oslo'] as const;

describeNeeds(['root', 'tun', 'nft'], 'the standing of a host', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let berlin: TestAgent;
  let oslo: TestAgent;

  beforeAll(async () => {
    const mesh = await meshOnOneSwitch(lab, NAMES);
    coordinator = mesh.coordinator;
    ({ berlin, oslo } = mesh.agents);
    await coordinator.start();
    await berlin.join(await coordinator.token());
  });
  afterAll(() => lab.close());

  const pingsOslo = async () => berlin.pings((await oslo.addresses())[0] as string, 2);

  it('is pending after joining by a token that needs approval, and the agent says so and goes on once approved', async () => {
    const process = await oslo.join(await coordinator.token('--approval'));
    await process.waitForOutput(/^note: this host waits until an administrator approves it$/m);
    expect((await oslo.status()).self.notices).toEqual([
      'this host waits until an administrator approves it',
    ]);
    expect((await oslo.status()).peers).toEqual([]);
    expect((await berlin.status()).peers).toEqual([]);
    expect(await coordinator.verb('nodes', 'list')).toMatch(/oslo .* waits for approval/);
    expect(await pingsOslo()).toBe(false);

    await coordinator.verb('nodes', 'approve', 'oslo');
    await process.waitForOutput(/^no longer: this host waits until an administrator approves it$/m);
    await waitFor('a ping to the approved host', pingsOslo);
  });

  it('ends when it is disabled: peers take nothing of it any more, until it is enabled', async () => {
    await coordinator.verb('nodes', 'disable', 'oslo');
    await oslo.process?.waitForOutput(/^note: this host was disabled by an administrator$/m);
    await berlin.knows(0);
    await oslo.knows(0);
    expect(await pingsOslo()).toBe(false);
    await coordinator.verb('nodes', 'enable', 'oslo');
    await waitFor('a ping to the enabled host', pingsOslo);
  });

  it('is that of the backup when the coordinator goes back to one, and agents follow', async () => {
    const file = join(lab.directory('backup'), 'backup.db');
    await coordinator.verb('backup', 'create', file);
    await coordinator.verb('nodes', 'rename', 'oslo', 'other');
    await waitFor('the new name', async () => (await berlin.status()).peers[0]?.name === 'other');
    await expect(coordinator.verb('backup', 'restore', file)).rejects.toThrow(
      /another coordinator is serving/,
    );
    expect(await coordinator.stop()).toBe(0);
    expect(await coordinator.verb('backup', 'restore', file)).toMatch(/^restored; /);
    await coordinator.start();
    await waitFor('the old name', async () => (await berlin.status()).peers[0]?.name === 'oslo');
    expect(await pingsOslo()).toBe(true);
  });

  it('of a host that vanished keeps no coordinator from stopping', async () => {
    const { host } = coordinator;
    await host.runOk('nft', [
      'add table inet gone; add chain inet gone in { type filter hook input priority 0; }',
    ]);
    await host.runOk('nft', ['add rule inet gone in tcp dport 8443 drop']);
    const unacknowledged = async () =>
      /^ESTAB +0 +[1-9]/m.test(await host.runOk('ss', ['-Htn', 'sport = :8443']));
    await waitFor('a heartbeat that nobody acknowledges', unacknowledged);
    expect(await coordinator.stop()).toBe(0);
  });
});
