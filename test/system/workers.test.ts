/**
 * Tunnels with several workers under a load that takes place in all of them at the same time.
 *
 *     a (192.0.2.1) ──── relay (192.0.2.2, 198.51.100.1) ──── b (198.51.100.2)
 *       10.9.0.1                sends everything twice           10.9.0.2
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { RelayBook } from '../support/doubling-relay.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import type { FlowsArrived } from '../support/numbered-flows.ts';
import type { Child } from '../support/process.ts';
import { AGENT, addPeer, cabledHosts, PORT, ping, startTunnel, type TunnelEnd } from '../support/tunnels.ts';

const SUPPORT = join(import.meta.dirname, '../support');
const FLOWS = 32;
const PACKETS = 100_000;

/** Starts a flow of PACKETS from one end to the other; the result is what arrived. */
async function storm(from: TunnelEnd, to: TunnelEnd): Promise<() => Promise<FlowsArrived>> {
  const script = join(SUPPORT, 'numbered-flows.ts');
  const receiver = to.host.spawn(process.execPath, [script, 'receive', String(PACKETS)]);
  const port = (await receiver.waitForOutput(/^(\d+)$/m))[1] as string;
  const sender = from.host.spawn(process.execPath, [
    ...[script, 'send', to.inner4, port, String(FLOWS), String(PACKETS)],
  ]);
  return async () => {
    expect(await sender.exited).toBe(0);
    return JSON.parse((await receiver.waitForOutput(/^(\{.*\})$/m, 60_000))[1] as string) as FlowsArrived;
  };
}

/** The threads of a process that have used the processor for at least `least` ticks (of 10 ms), by name. */
function busyThreads(child: Child, name: RegExp, least: number): string[] {
  const folder = `/proc/${child.pid}/task`;
  return readdirSync(folder).flatMap((task) => {
    const stat = readFileSync(join(folder, task, 'stat'), 'utf8');
    const thread = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return name.test(thread) && Number(fields[11]) + Number(fields[12]) >= least ? [thread] : [];
  });
}

describeNeeds(['root', 'tun', 'wg'], 'several workers', () => {
  it.each([
    ['the first worker', 0],
    ['a follower', 1],
  ])(
    'SEC-11, SEC-17: under load both ways, with %s as the owner of what is received, no nonce is used twice and no packet accepted twice',
    async (_, owner) => {
      await using lab = new Lab();
      const [hostA, relay, hostB] = [await lab.host('a'), await lab.host('relay'), await lab.host('b')];
      await lab.link(hostA, ['192.0.2.1/24'], relay, ['192.0.2.2/24']);
      await lab.link(relay, ['198.51.100.1/24'], hostB, ['198.51.100.2/24']);
      const a = await startTunnel(lab, hostA, 'linux, 2 workers', 1);
      const b = await startTunnel(lab, hostB, 'linux, 2 workers', 2);
      // Peers belong to the workers in turn.
      for (const end of [a, b]) {
        for (let i = 0; i < owner; i++)
          await end.host.runOk('wg', ['set', end.device, 'peer', randomBytes(32).toString('base64')]);
      }
      const book = relay.spawn(process.execPath, [
        ...[join(SUPPORT, 'doubling-relay.ts'), '1000', '2000', '198.51.100.2', String(PORT)],
      ]);
      await book.waitForOutput(/^ready$/m);
      await addPeer(a, b, { endpoint: '192.0.2.2:1000' });
      await addPeer(b, a);
      await ping(a, b.inner4);

      const storms = await Promise.all([storm(a, b), storm(b, a)]);
      const arrivals = await Promise.all(storms.map((arrived) => arrived()));
      for (const { packets, repeated, overtaken } of arrivals) {
        expect(repeated).toBe(0);
        // Each processor has a queue of its own in the kernel, so a thread that is moved from one to another may overtake itself.
        expect(overtaken).toBeLessThan(packets / 1000);
        // The kernel's queues may lose some on a busy machine; most arrive.
        expect(packets).toBeGreaterThan(PACKETS / 2);
      }
      for (const end of [a, b]) expect(busyThreads(end.child, /^tunnel/, 5)).toHaveLength(2);
      await book.end('SIGTERM');
      const { messages, repeated } = JSON.parse(
        (/^(\{.*\})$/m.exec(book.stdout) as RegExpExecArray)[1] as string,
      ) as RelayBook;
      expect(Math.min(...messages)).toBeGreaterThan(PACKETS / 2);
      expect(repeated).toBe(0);
    },
  );

  it('a port or a name that another tunnel with several workers has is told as taken', async () => {
    await using lab = new Lab();
    const [host] = await cabledHosts(lab);
    const end = await startTunnel(lab, host, 'linux, 2 workers', 1);
    const taken = await host.run(AGENT, ['tunnel', end.device, '--workers', '2']);
    expect(taken).toMatchObject({ status: 1 });
    expect(taken.stderr).toMatch(/exists already.*choose another name/);
    const second = host.spawn(AGENT, ['tunnel', lab.interfaceName(), '--workers', '2']);
    const name = (await second.waitForOutput(/^(\S+) is up/m))[1] as string;
    const busy = await host.run('wg', ['set', name, 'listen-port', String(PORT)]);
    expect(busy.stderr).toMatch(/Address already in use/);
    // It lives on with the port that it had, and takes another.
    await host.runOk('wg', ['set', name, 'listen-port', '51999']);
    expect((await host.runOk('ss', ['-Hlun', 'sport = :51999'])).trim().split('\n')).toHaveLength(4);
    expect(await second.end('SIGTERM')).toBe(0);
    expect(await host.runOk('ss', ['-Hlun', 'sport = :51999'])).toBe('');
  });
});
