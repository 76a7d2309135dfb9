import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { residentMemory } from '../support/memory.ts';
import { meshOnOneSwitch } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { type Child, runOk } from '../support/process.ts';
import { AGENT, addPeer, cabledHosts, PORT, ping, startTunnel, type TunnelEnd } from '../support/tunnels.ts';
import { waitFor } from '../support/wait-for.ts';

/** What an agent may use, in MiB: one under full load, and one with 1,000 configured peers as well. */
const LOADED = 100;
const WITH_PEERS = 130;

/** All the traffic that two hosts can make: TCP in one and four streams and both ways, and UDP in small packets. */
async function load(from: TestHost, to: TestHost, address: string): Promise<void> {
  const server = to.spawn('iperf3', ['--server', '--forceflush']);
  await server.waitForOutput(/Server listening/);
  for (const args of [
    ['--time', '2'],
    ['--time', '1', '--parallel', '4'],
    ['--time', '1', '--bidir'],
    ['--time', '1', '--udp', '--bitrate', '0', '--length', '64'],
  ]) {
    await from.runOk('iperf3', ['--client', address, ...args]);
  }
  await server.end();
}

/**
 * Starts once and ends: what follows finds the code compiled, as on any host but after an update. The first start strips
 * types with a compiler of its own in WebAssembly, which takes 40 MiB more.
 */
async function warm(host: TestHost, lab: Lab): Promise<void> {
  const end = await startTunnel(lab, host, 'linux', 9);
  await end.child.end();
}

function peak(child: Child): number {
  const memory = residentMemory(child.pid as number);
  if (process.env.WARREN_TEST_FIGURES) console.log(child.command, memory);
  return memory.peak;
}

async function configurePeers(end: TunnelEnd, lab: Lab, count: number): Promise<void> {
  const file = join(lab.directory('peers'), 'conf');
  const peers = Array.from({ length: count }, (_, index) =>
    [
      '[Peer]',
      `PublicKey = ${randomBytes(32).toString('base64')}`,
      `AllowedIPs = 10.98.${index >> 8}.${index & 255}/32`,
      `Endpoint = 192.0.2.2:${20_000 + index}`,
    ].join('\n'),
  );
  writeFileSync(file, `${peers.join('\n')}\n`);
  await end.host.runOk('wg', ['addconf', end.device, file]);
}

describeNeeds(['root', 'tun', 'wg', 'iperf3'], 'the memory of an agent', () => {
  it.each([
    { implementation: 'linux', peers: 0, bound: LOADED },
    { implementation: 'linux, 2 workers', peers: 0, bound: LOADED },
    { implementation: 'linux', peers: 1000, bound: WITH_PEERS },
  ] as const)(
    'stays under $bound MiB at full load: `agent tunnel`, driver $implementation, $peers more peers',
    async ({ implementation, peers, bound }) => {
      await using lab = new Lab();
      const [a, b] = await cabledHosts(lab);
      await warm(a, lab);
      const one = await startTunnel(lab, a, implementation, 1);
      const two = await startTunnel(lab, b, implementation, 2);
      if (peers > 0) await configurePeers(one, lab, peers);
      await addPeer(one, two, { endpoint: `192.0.2.2:${PORT}` });
      await addPeer(two, one);
      await ping(one, two.inner4);
      await load(a, b, two.inner4);
      expect(Math.max(peak(one.child), peak(two.child))).toBeLessThan(bound);
    },
  );

  it('a first start after `npm install` finds all code compiled, that of threads included', async () => {
    await using lab = new Lab();
    const cache = lab.directory('cache');
    const env = { NODE_COMPILE_CACHE: cache };
    const compiled = () =>
      readdirSync(cache, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
    await runOk(AGENT, ['compile-ahead'], { env });
    const ahead = compiled().length;
    expect(ahead).toBeGreaterThan(100);
    const host = await lab.host('a');
    const device = lab.interfaceName('wt');
    const child = host.spawn(AGENT, ['tunnel', device, '--workers', '2'], { env });
    await child.waitForOutput(/is up/);
    await child.end();
    expect(compiled().length).toBe(ahead);
  });

  it.each(['join', 'up'] as const)(
    `stays under ${LOADED} MiB at full load: \`agent %s\` in a mesh, its coordinator in reach`,
    async (verb) => {
      await using lab = new Lab();
      const { coordinator, agents } = await meshOnOneSwitch(lab, ['a', 'b']);
      await coordinator.start();
      const both = [agents.a, agents.b];
      // Twice: see `warm`.
      for (const agent of both) {
        await agent.join(await coordinator.token());
        await agent.stop();
      }
      for (const agent of both) {
        if (verb === 'join') await agent.join(await coordinator.token());
        else await agent.up();
      }
      await agents.a.knows(1);
      const [address] = await agents.b.addresses();
      await waitFor('a ping through the mesh', () => agents.a.pings(address as string, 2));
      await load(agents.a.host, agents.b.host, address as string);
      expect(Math.max(...both.map(({ process: child }) => peak(child as Child)))).toBeLessThan(LOADED);
    },
  );
});
