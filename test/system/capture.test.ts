/**
 * What `agent capture` sees of a mesh of three, read by tshark.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AGENT, meshOnOneSwitch, type TestAgent } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { runOk } from '../support/process.ts';

const NAMES = ['berlin', 'oslo', 'lima'] as const;
const FIELDS = [
  'frame.interface_name',
  'frame.comment',
  'frame.packet_flags_direction',
  'icmp.type',
  'icmpv6.type',
];

describeNeeds(['root', 'tun', 'tshark'], 'captures', () => {
  const lab = new Lab();
  let agents: Record<(typeof NAMES)[number], TestAgent>;
  let addresses: Record<string, string[]>;

  beforeAll(async () => {
    const mesh = await meshOnOneSwitch(lab, NAMES);
    agents = mesh.agents;
    await mesh.coordinator.start();
    for (const name of NAMES) await agents[name].join(await mesh.coordinator.token());
    await agents.berlin.knows(2);
    addresses = Object.fromEntries(
      await Promise.all(NAMES.map(async (name) => [name, await agents[name].addresses()] as const)),
    );
  });
  afterAll(() => lab.close());

  async function captureOf(...flags: string[]) {
    const { host, state } = agents.berlin;
    const child = host.spawn(AGENT, ['capture', '--state', state, ...flags]);
    await child.waitForOutput(/capturing on/);
    return child;
  }

  it('a file has both directions, times, and the name of the peer on each packet and address', async () => {
    const file = join(lab.directory('capture'), 'mesh.pcapng');
    const child = await captureOf('-w', file, '--count', '4');
    const before = Date.now() / 1000;
    for (const [name, family] of [
      ['oslo', 0],
      ['lima', 1],
    ] as const) {
      expect(await agents.berlin.pings(addresses[name]?.[family] as string)).toBe(true);
    }
    expect(await child.exited).toBe(0);
    expect(child.stderr).toMatch(/^4 packets captured, 0 dropped by the kernel$/m);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const read = (...args: string[]) => runOk('tshark', ['-n', '-r', file, ...args]);
    const fields = FIELDS.flatMap((field) => ['-e', field]);
    expect((await read('-T', 'fields', ...fields)).trim().split('\n')).toEqual([
      'warren0\tpeer oslo\t0x00000002\t8\t',
      'warren0\tpeer oslo\t0x00000001\t0\t',
      'warren0\tpeer lima\t0x00000002\t\t128',
      'warren0\tpeer lima\t0x00000001\t\t129',
    ]);
    const times = (await read('-T', 'fields', '-e', 'frame.time_epoch')).trim().split('\n').map(Number);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(Math.abs((times[0] as number) - before)).toBeLessThan(60);
    const resolved = await runOk('tshark', ['-N', 'n', '-r', file, '-T', 'fields', '-e', 'ip.dst_host']);
    expect(resolved).toContain('oslo\nberlin');
  });

  it('lines for people, of one peer alone; Ctrl-C ends it', async () => {
    const child = await captureOf('--peer', 'lima');
    for (const name of ['oslo', 'lima'] as const) {
      expect(await agents.berlin.pings(addresses[name]?.[0] as string)).toBe(true);
    }
    await child.waitForOutput(/echo reply/);
    expect(await child.end('SIGINT')).toBe(0);
    const [four] = addresses.lima as [string];
    const [own] = addresses.berlin as [string];
    const lines = child.stdout.trim().split('\n');
    expect(lines.map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{6} /, ''))).toEqual([
      `to lima: ${own} > ${four} ICMP echo request, length 84`,
      `from lima: ${four} > ${own} ICMP echo reply, length 84`,
    ]);
  });

  it.each([
    ['a peer that is not there', ['--peer', 'rome'], 1, /no peer has the name "rome"/],
    [
      'a file that cannot be written',
      ['-w', '/nowhere/x.pcapng'],
      1,
      /nowhere\/x\.pcapng cannot be written: ENOENT/,
    ],
    ['a count of nothing', ['-c', '0'], 2, /expected a number from 1/],
  ])('%s is refused in one line', async (_what, flags, status, message) => {
    const result = await agents.berlin.run('capture', ...flags);
    expect(result.status).toBe(status);
    expect(result.stderr).toMatch(message);
  });

  it('a disk that is full ends it with what is wrong', async () => {
    const child = await captureOf('-w', '/dev/full').catch((error: Error) => error);
    expect(String(child)).toMatch(/\/dev\/full cannot be written: ENOSPC/);
  });
});
