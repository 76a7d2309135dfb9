/**
 * Hosts whose clocks are wrong, and one that sleeps:
 *
 *     coordinator 192.0.2.1      berlin 192.0.2.11      oslo 192.0.2.12      lima 192.0.2.13
 *         └──────────────────────────┴──── wire ─────────────┴────────────────────┘
 *
 * A wrong clock is libfaketime's doing, for one program; so is one that is set while it runs. A host that sleeps is a program
 * that is stopped (SIGSTOP) while the time that the host has been up, as it is told, goes on by ten minutes: that is what
 * tells CLOCK_BOOTTIME from CLOCK_MONOTONIC.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { capture } from '../support/capture.ts';
import { AGENT, meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { type Child, runOk } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = ['berlin', 'oslo', 'lima'] as const;
const PORT = '51820';

/** A clock that is off by what the file says ("+10y"), read anew each second; intervals pass as they do. */
async function offClock(file: string): Promise<Record<string, string>> {
  const library = await runOk('faketime', ['-m', '-f', '+0d', 'printenv', 'LD_PRELOAD']);
  return {
    LD_PRELOAD: library.trim(),
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

describeNeeds(['root', 'tun', 'faketime', 'tcpdump'], 'clocks', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let agents: Record<(typeof NAMES)[number], TestAgent>;
  let berlin: string;
  let oslo: string;
  let offset: string;
  /** Over by the time that it is used. */
  let expired: string;

  beforeAll(async () => {
    ({ coordinator, agents } = await meshOnOneSwitch(lab, NAMES));
    await coordinator.start();
    expired = await coordinator.token('--expires', '1s');
    for (const name of ['berlin', 'oslo'] as const)
      await agents[name].join(await coordinator.token(), '--listen-port', PORT);
    await agents.oslo.knows(1);
    berlin = (await agents.berlin.addresses())[0] as string;
    oslo = (await agents.oslo.addresses())[0] as string;
    offset = join(lab.directory('clock'), 'offset');
  });
  afterAll(() => lab.close());

  const handshake = async (agent: TestAgent, peer: string) =>
    (await agent.status()).peers.find(({ name }) => name === peer)?.lastHandshake ?? null;

  async function upWithClock(agent: TestAgent, by: string): Promise<Child> {
    writeFileSync(offset, by);
    await agent.stop('SIGKILL');
    const process = agent.host.spawn(AGENT, ['up', '--state', agent.state], { env: await offClock(offset) });
    agent.process = process;
    await process.waitForOutput(/^mesh is up$/m);
    return process;
  }

  it('SEC-51: after ten minutes of sleep there is a new handshake within 5 s, and the old keys are not used', async () => {
    const { host, state } = agents.berlin;
    const uptime = () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    const told = join(lab.directory('uptime'), 'uptime');
    writeFileSync(told, `${uptime()} 0\n`);
    await agents.berlin.stop();
    // In the mount namespace that `ip netns exec` gives to this one program.
    const script = `mount --bind ${told} /proc/uptime && exec ${AGENT} up --state ${state}`;
    agents.berlin.process = host.spawn('sh', ['-c', script]);
    await agents.berlin.process.waitForOutput(/^mesh is up$/m);
    const filter = `udp port ${PORT} and (src host 192.0.2.11 or src host 2001:db8::11)`;
    const wire = await capture(lab, agents.oslo.host, 'eth0', filter);
    expect(await agents.berlin.pings(oslo)).toBe(true);
    const before = await handshake(agents.oslo, 'berlin');

    agents.berlin.process.signal('SIGSTOP');
    const sessions = await waitFor('what was sent before', () => {
      const seen = wire.packets().filter(isTransport);
      return seen.length === 0 ? null : new Set(seen.map(receiverOf));
    });
    writeFileSync(told, `${uptime() + 600} 0\n`);
    const sentBefore = wire.packets().filter(isTransport).length;
    agents.berlin.process.signal('SIGCONT');
    const packets = host.spawn('ping', ['-n', '-q', '-c10', '-i0.1', '-W5', oslo]);
    await waitFor('a new handshake', async () => (await handshake(agents.oslo, 'berlin')) !== before, {
      timeout: 5_000,
    });
    expect(await packets.exited, packets.output).toBe(0);
    expect(packets.output).toContain('10 received');
    const isNew = (packet: Buffer) => isTransport(packet) && !sessions.has(receiverOf(packet));
    const all = (await wire.stop((seen) => seen.filter(isNew).length >= 10)).filter(isTransport);
    const firstNew = all.findIndex(isNew);
    expect(all.slice(firstNew).every(isNew)).toBe(true);
    expect(firstNew).toBe(sentBefore);
  });

  it.each(['+10y', '-10y', '+1h', '-1h'])(
    'SEC-50: with a clock off by %s an agent comes up, is connected to its coordinator and makes new handshakes',
    async (by) => {
      const process = await upWithClock(agents.berlin, by);
      expect(await agents.berlin.pings(oslo)).toBe(true);
      expect(await agents.oslo.pings(berlin)).toBe(true);
      await waitFor(
        'the coordinator',
        async () => (await agents.berlin.status()).self.coordinator === 'connected',
      );
      await waitFor('relay and direct path', async () => {
        const { self, peers } = await agents.berlin.status();
        return self.relays[0]?.state === 'connected' && peers[0]?.path === 'direct';
      });
      expect(process.output).not.toContain('certificate');
    },
  );

  it('SEC-50: tunnels live on while a clock is set, ten years at a time', async () => {
    await upWithClock(agents.berlin, '+0');
    expect(await agents.berlin.pings(oslo)).toBe(true);
    await waitFor('a direct path', async () => (await agents.berlin.status()).peers[0]?.path === 'direct');
    const before = await handshake(agents.oslo, 'berlin');
    const steady = agents.oslo.host.spawn('ping', ['-n', '-q', '-c35', '-i0.1', '-W5', berlin]);
    for (const by of ['+10y', '-10y']) {
      writeFileSync(offset, by);
      const year = new Date().getUTCFullYear() + Number.parseInt(by, 10);
      await waitFor(`the agent to have the year ${year}`, async () => {
        const at = await handshake(agents.berlin, 'oslo');
        return at !== null && Math.abs(new Date(at).getUTCFullYear() - year) <= 1;
      });
      expect((await agents.berlin.status()).peers[0]?.path).toBe('direct');
    }
    expect(await steady.exited).toBe(0);
    expect(steady.output).toContain('35 received');
    expect(await handshake(agents.oslo, 'berlin')).toBe(before);
  });

  it('SEC-50: a host whose clock is ten years off joins; its token is judged by the clock of the coordinator', async () => {
    writeFileSync(offset, '-10y');
    const env = await offClock(offset);
    const { host, state } = agents.lima;
    const refused = await host.run(AGENT, ['join', '-', '--state', state], { env, input: expired });
    expect(refused.stderr).toMatch(/^error: the token is not accepted/m);
    expect(refused.status).toBe(1);
    agents.lima.process = host.spawn(AGENT, ['join', '-', '--state', state], {
      env,
      input: await coordinator.token(),
    });
    await agents.lima.process.waitForOutput(/^mesh is up$/m);
    await agents.lima.knows(2);
    expect(await agents.lima.pings(oslo)).toBe(true);
  });
});

/** Of a UDP datagram in an IP packet. */
function payloadOf(packet: Buffer): Buffer {
  const isFour = (packet[0] as number) >>> 4 === 4;
  return packet.subarray((isFour ? ((packet[0] as number) & 15) * 4 : 40) + 8);
}

function isTransport(packet: Buffer): boolean {
  return payloadOf(packet).readUInt32LE(0) === 4;
}

/** The session that a transport message is sent under. */
function receiverOf(packet: Buffer): number {
  return payloadOf(packet).readUInt32LE(4);
}
