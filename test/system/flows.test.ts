/**
 * What `agent flows` says of a mesh of two, with a client that is in the mesh and one that is not.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Flow } from '../../agent/flows/mesh-flows.ts';
import { meshOnOneSwitch, type TestAgent } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['berlin', 'oslo'] as const;
const ACCOUNTING = '/proc/sys/net/netfilter/nf_conntrack_acct';

describeNeeds(['root', 'tun', 'nft', 'ncat'], 'flows', () => {
  const lab = new Lab();
  let agents: Record<(typeof NAMES)[number], TestAgent>;
  let berlin: string;

  beforeAll(async () => {
    const mesh = await meshOnOneSwitch(lab, NAMES);
    agents = mesh.agents;
    await mesh.coordinator.start();
    for (const name of NAMES) await agents[name].join(await mesh.coordinator.token());
    await agents.berlin.knows(1);
    berlin = (await agents.berlin.addresses())[0] as string;
  });
  afterAll(() => lab.close());

  const flows = async (agent: TestAgent): Promise<Flow[]> =>
    JSON.parse((await agent.run('flows', '--json')).stdout);
  const tables = (agent: TestAgent) => agent.host.runOk('nft', ['list', 'tables']);
  const accounting = async (agent: TestAgent) => (await agent.host.runOk('cat', [ACCOUNTING])).trim();

  it('nobody talks, and it says so', async () => {
    const { stdout, stderr, status } = await agents.berlin.run('flows');
    expect(status).toBe(0);
    expect(stderr).toMatch(/tracked from now on/);
    expect(stdout).toBe('nobody talks through the mesh here\n');
  });

  it('a connection that began before is seen, with names, ports, state and bytes; others of the host are not', async () => {
    const server = agents.berlin.host.spawn('ncat', ['-l', '-k', '7000', '--exec', '/bin/cat']);
    await waitFor('the server', async () =>
      (await agents.berlin.host.runOk('ss', ['-Hltn', 'sport = :7000'])).includes('7000'),
    );
    const talk = (address: string) =>
      agents.oslo.host.spawn('sh', ['-c', `while echo hello; do sleep 0.2; done | ncat ${address} 7000`]);
    const [inside, outside] = [talk(berlin), talk('192.0.2.11')];
    await inside.waitForOutput(/hello/);
    await outside.waitForOutput(/hello/);
    const seen = await waitFor('bytes to be counted', async () => {
      const [flow] = await flows(agents.berlin);
      return flow !== undefined && flow.sent.bytes > 0 && flow.received.bytes > 0 ? flow : null;
    });
    expect(seen).toMatchObject({
      protocol: 'tcp',
      from: { name: 'oslo' },
      to: { name: 'berlin', address: berlin, port: 7000 },
      state: 'established',
    });
    expect(await flows(agents.berlin)).toHaveLength(1);
    const { stdout } = await agents.berlin.run('flows');
    expect(stdout).toMatch(
      /^tcp +oslo 100\.64\.0\.\d+:\d+ +berlin \S+:7000 +established +\S+ [KM]?i?B +\S+ [KM]?i?B$/m,
    );
    for (const child of [inside, outside, server]) await child.end();
  });

  it('SEC-47: what tracking needs is gone after the end, and after kill -9 and the next start', async () => {
    for (const agent of [agents.berlin, agents.oslo]) {
      await flows(agent);
      expect(await tables(agent)).toContain('warren-flows-warren0');
      expect(await accounting(agent)).toBe('1');
    }
    expect(await agents.oslo.stop()).toBe(0);
    await agents.berlin.stop('SIGKILL');
    expect(await tables(agents.berlin)).toContain('warren-flows-warren0');
    await agents.berlin.up();
    for (const agent of [agents.berlin, agents.oslo]) {
      expect(await tables(agent)).not.toContain('flows');
      expect(await accounting(agent)).toBe('0');
    }
  });
});
