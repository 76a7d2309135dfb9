/**
 * A live tunnel while a third host floods one end of it.
 *
 *     a (192.0.2.1) ─── switch ─── b (192.0.2.2), flooded        tunnel: a 10.9.0.1, b 10.9.0.2
 *                          └────── f (192.0.2.3), who floods
 */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { capture } from '../support/capture.ts';
import { residentMemory } from '../support/memory.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { addPeer, type Implementation, onlyPeer, PORT, ping, startTunnel } from '../support/tunnels.ts';
import { waitFor } from '../support/wait-for.ts';

const FLOOD = join(import.meta.dirname, '../support/garbage-flood.ts');
const RATE = 10_000;
const MOST_LOST = 0.01;
/** MiB. */
const MOST_GROWTH = 20;

describeNeeds(['root', 'tun', 'wg', 'tcpdump'], 'a flood of garbage', () => {
  it.each<[Implementation, number]>([
    ['linux', 60],
    // The rate is what matters; that one minute changes nothing was seen above.
    ['linux, 2 workers', 15],
  ])(
    'SEC-22: 10,000 datagrams a second leave a tunnel alone: %s, %i s',
    async (implementation, seconds) => {
      await using lab = new Lab();
      const net = await lab.switch('net');
      const [hostA, hostB, hostF] = [await lab.host('a'), await lab.host('b'), await lab.host('f')];
      for (const [index, host] of [hostA, hostB, hostF].entries())
        await lab.plug(host, net, [`192.0.2.${index + 1}/24`]);
      const a = await startTunnel(lab, hostA, implementation, 1);
      const b = await startTunnel(lab, hostB, implementation, 2);
      await addPeer(a, b, { endpoint: `192.0.2.2:${PORT}` });
      await addPeer(b, a);
      // What a sends to b carries the receiver index of b's side of the session.
      const wire = await capture(lab, hostB, 'eth0', `udp dst port ${PORT} and udp[8] = 4`);
      await ping(a, b.inner4);
      const [transport] = await wire.stop((packets) => packets.length > 0);
      const index = (transport as Buffer).toString('hex', 28 + 4, 28 + 8);
      await hostA.runOk('ping', ['-n', '-q', '-i0.01', '-c300', b.inner4]);
      const before = residentMemory(b.child.pid as number).now;
      const lostBefore = await lostBySocket(hostB);

      const args = [FLOOD, '192.0.2.2', String(PORT), String(seconds), String(RATE), index];
      const flood = hostF.spawn(process.execPath, args);
      const pings = hostA.spawn('ping', ['-n', '-q', '-i0.02', b.inner4]);
      let most = before;
      await waitFor(
        'the flood to end',
        () => {
          most = Math.max(most, residentMemory(b.child.pid as number).now);
          return flood.status !== null;
        },
        { timeout: (seconds + 30) * 1000, interval: 250 },
      );
      await pings.end('SIGINT');
      const { sent, errors } = JSON.parse(flood.stdout) as { sent: number; errors: number };
      expect(sent).toBeGreaterThanOrEqual(RATE * seconds * 0.99);
      expect(errors).toBe(0);
      // It was the agent that had to look at them, and not the kernel that threw them away.
      expect((await lostBySocket(hostB)) - lostBefore).toBeLessThan(sent * MOST_LOST);

      const said = /(\d+) packets transmitted, (\d+) received/.exec(pings.output) as RegExpExecArray;
      const [transmitted, received] = [Number(said[1]), Number(said[2])];
      expect(transmitted).toBeGreaterThan(seconds * 10);
      expect(transmitted - received).toBeLessThan(transmitted * MOST_LOST);
      expect(most - before).toBeLessThan(MOST_GROWTH);
      // Nor did the tunnel's other end move to the flooder.
      expect((await onlyPeer(b)).endpoint).toBe(`192.0.2.1:${PORT}`);
      await ping(a, b.inner4);
      await ping(b, a.inner6);
    },
    180_000,
  );
});

/** Datagrams that found no room in a socket of this host. */
async function lostBySocket(host: TestHost): Promise<number> {
  const snmp = await host.runOk('cat', ['/proc/net/snmp']);
  const [names, values] = snmp
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' ')) as [string[], string[]];
  return Number(values[names.indexOf('RcvbufErrors')]);
}
