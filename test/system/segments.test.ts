/**
 * An Ethernet across the mesh: a machine behind berlin's bridge and oslo itself are a part of it, lima is not.
 *
 *     vm ── br0 berlin ══ mesh ══ oslo (10.5.0.1, DHCP)          lima ══ mesh, coord ── wire: both want in
 */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['berlin', 'oslo', 'lima'] as const;
/** The first that a network gives out. */
const VNI = 1;
const PORT = 14789;

describeNeeds(['root', 'tun', 'nft', 'dnsmasq', 'udhcpc'], 'layer 2 segments', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let agents: Record<(typeof NAMES)[number], TestAgent>;
  let vm: TestHost;

  beforeAll(async () => {
    ({ coordinator, agents } = await meshOnOneSwitch(lab, NAMES));
    await coordinator.start();
    const { berlin, oslo, lima } = agents;
    await berlin.host.ip('link add br0 type bridge');
    await berlin.host.ip('link set br0 up');
    vm = await lab.host('vm');
    await lab.plug(vm, berlin.host, ['fd05::2/64']);
    await berlin.join(await coordinator.token(), '--segment', 'lab', '--bridge', 'br0');
    await oslo.join(await coordinator.token(), '--segment', 'lab');
    await lima.join(await coordinator.token());
    for (const name of NAMES) await agents[name].knows(2);
  });
  afterAll(() => lab.close());

  const links = (agent: TestAgent) => agent.host.ip('-o link show');
  const flooded = async (agent: TestAgent) =>
    (await agent.host.runOk('bridge', ['fdb', 'show', 'dev', 'seg-lab']))
      .split('\n')
      .filter((line) => line.startsWith('00:00:00:00:00:00'))
      .map((line) => /dst (\S+)/.exec(line)?.[1]);
  const four = async (agent: TestAgent) => (await agent.addresses())[0] as string;

  it('wait for an administrator: who is not approved is no part of one', async () => {
    expect(await coordinator.verb('segments', 'list')).toMatch(/lab +berlin +waits for approval/);
    expect(await links(agents.berlin)).not.toContain('seg-lab');
    await expect(coordinator.verb('segments', 'approve', 'lima', 'lab')).rejects.toThrow(
      /lima does not ask for the segment lab/,
    );
    for (const name of ['berlin', 'oslo']) await coordinator.verb('segments', 'approve', name, 'lab');
    await waitFor('both devices and their lists', async () => {
      for (const agent of [agents.berlin, agents.oslo])
        if (!(await links(agent)).includes('seg-lab')) return false;
      return (await flooded(agents.oslo)).length === 1 && (await flooded(agents.berlin)).length === 1;
    });
    expect(await flooded(agents.berlin)).toEqual([await four(agents.oslo)]);
    await agents.oslo.host.ip('address add 10.5.0.1/24 dev seg-lab');
    await agents.oslo.host.ip('address add fd05::1/64 dev seg-lab nodad');
  });

  it('carry DHCP, ARP and neighbour discovery from a machine behind a bridge', async () => {
    const { host } = agents.oslo;
    const range = ['--interface=seg-lab', '--bind-interfaces', '--dhcp-range=10.5.0.50,10.5.0.60,1h'];
    const files = [`--dhcp-leasefile=${join(lab.directory('dhcp'), 'leases')}`, '--conf-file=/dev/null'];
    const server = host.spawn('dnsmasq', [
      '--keep-in-foreground',
      '--port=0',
      '--log-facility=-',
      ...range,
      ...files,
    ]);
    await server.waitForOutput(/DHCP, IP range/);
    const script = join(lab.directory('udhcpc'), 'script');
    writeFileSync(
      script,
      '#!/bin/sh\n[ "$1" = bound ] && ip address add "$ip/$mask" dev "$interface"\nexit 0\n',
    );
    chmodSync(script, 0o700);
    const client = ['-i', 'eth0', '-n', '-q', '-f', '-t', '20', '-T', '1', '-s', script];
    expect(await vm.runOk('udhcpc', client)).toBeDefined();
    expect(await vm.ip('-o address show dev eth0')).toMatch(/inet 10\.5\.0\.(5\d|60)\/24/);
    await vm.runOk('ping', ['-n', '-c3', '-i0.2', '-W15', '10.5.0.1']);
    await vm.runOk('ping', ['-n', '-c3', '-i0.2', '-W15', 'fd05::1']);
    expect(await vm.ip('neigh show 10.5.0.1')).toMatch(/lladdr/);
    await server.end();
  });

  it('have an MTU at which no frame is cut up in the mesh', async () => {
    expect(await links(agents.oslo)).toMatch(/seg-lab: .* mtu 1370 /);
    await vm.ip('link set eth0 mtu 1370');
    const { stdout } = await vm.run('ping', [
      '-n',
      '-c2',
      '-i0.2',
      '-W15',
      '-M',
      'do',
      '-s',
      '1342',
      '10.5.0.1',
    ]);
    expect(stdout).toMatch(/2 received/);
    expect(await agents.oslo.host.runOk('nstat', ['-asz', 'IpReasmReqds'])).toMatch(/IpReasmReqds +0 /);
  });

  it('keep everybody else out, who may be in the mesh or on the wire', async () => {
    const { oslo, lima } = agents;
    const intrude = async (host: TestHost, local: string, remote: string, address: string) => {
      const flags = `type vxlan id ${VNI} local ${local} remote ${remote} dstport ${PORT}`;
      await host.ip(`link add intruder mtu 1300 ${flags}`);
      await host.ip(`address add ${address}/24 dev intruder`);
      await host.ip('link set intruder up');
      return async () => (await host.run('ping', ['-n', '-c2', '-i0.2', '-W1', '10.5.0.1'])).status === 0;
    };
    const fromMesh = await intrude(lima.host, await four(lima), await four(oslo), '10.5.0.90');
    const fromWire = await intrude(coordinator.host, '192.0.2.1', '192.0.2.12', '10.5.0.91');
    expect([await fromMesh(), await fromWire()]).toEqual([false, false]);
    // It is the rules that keep them out: one for what comes by the wire, one for who is no member.
    const rules = await oslo.host.runOk('nft', ['list', 'table', 'inet', 'warren-segments-warren0']);
    const dropped = [...rules.matchAll(/counter packets (\d+) .*drop/g)].map(([, packets]) =>
      Number(packets),
    );
    expect(dropped).toHaveLength(2);
    for (const packets of dropped) expect(packets).toBeGreaterThan(0);
  });

  it('lose a member whose approval is taken back, and leave nothing on its host', async () => {
    await coordinator.verb('segments', 'unapprove', 'berlin', 'lab');
    await waitFor('berlin to have left', async () => !(await links(agents.berlin)).includes('seg-lab'));
    await waitFor('oslo to know', async () => (await flooded(agents.oslo)).length === 0);
    expect(await agents.berlin.host.runOk('nft', ['list', 'tables'])).not.toContain('segments');
  });

  it('SEC-47: stand again after kill -9; after the end, and after a start without them, nothing is left', async () => {
    const { oslo } = agents;
    await coordinator.verb('segments', 'approve', 'berlin', 'lab');
    await waitFor('oslo to know', async () => (await flooded(oslo)).length === 1);
    await oslo.stop('SIGKILL');
    expect(await links(oslo)).toContain('seg-lab');
    await oslo.up();
    await waitFor('the members', async () => (await flooded(oslo)).length === 1);
    expect(await oslo.host.runOk('nft', ['list', 'tables'])).toContain('warren-segments-warren0');
    await oslo.stop('SIGKILL');
    await oslo.join(await coordinator.token());
    await waitFor('it to be gone', async () => !(await links(oslo)).includes('seg-lab'));
    expect(await oslo.host.runOk('nft', ['list', 'tables'])).not.toContain('segments');
    expect(await agents.berlin.stop()).toBe(0);
    expect(await links(agents.berlin)).not.toContain('seg-lab');
    expect(await agents.berlin.host.runOk('nft', ['list', 'tables'])).toBe('');
  });

  it('SEC-47: after kill -9 `leave` takes them away, while no agent runs', async () => {
    const { berlin } = agents;
    await berlin.up();
    await waitFor('its device', async () => (await links(berlin)).includes('seg-lab'));
    await berlin.stop('SIGKILL');
    expect(await links(berlin)).toContain('seg-lab');
    expect((await berlin.run('leave')).stdout).toBe('left the network\n');
    expect(await links(berlin)).not.toContain('seg-lab');
    expect(await berlin.host.runOk('nft', ['list', 'tables'])).toBe('');
  });
});
