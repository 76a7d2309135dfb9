/** WireGuard interfaces of any implementation between two test hosts, configured with wg(8) as a user would. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, TestHost } from './netns.ts';
import { type Child, runOk } from './process.ts';
import { waitFor } from './wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');
export const AGENT = join(ROOT, 'bin/agent');
export const PORT = 51820;

export type Implementation = keyof typeof PROGRAMS;

/** How each implementation is started, by the name of its device and its MTU. */
const PROGRAMS = {
  linux: (device: string, mtu: string) => [AGENT, 'tunnel', device, '--mtu', mtu, '--workers', '1'],
  'linux, 2 workers': (device: string, mtu: string) => [
    AGENT,
    'tunnel',
    device,
    '--mtu',
    mtu,
    '--workers',
    '2',
  ],
  portable: (device: string, mtu: string) => [AGENT, 'tunnel', device, '--mtu', mtu, '--driver', 'portable'],
  'wireguard-go': (device: string) => ['wireguard-go', '-f', device],
  /** Of another Debian release, as test/bench/programs.ts unpacks it: its path is in WARREN_TEST_WIREGUARD_GO. */
  'newer wireguard-go': (device: string) => [process.env.WARREN_TEST_WIREGUARD_GO ?? '', '-f', device],
} as const satisfies Record<string, (device: string, mtu: string) => readonly string[]>;

export interface TunnelEnd {
  host: TestHost;
  child: Child;
  device: string;
  publicKey: string;
  /** Inner addresses. */
  inner4: string;
  inner6: string;
}

/** Two hosts on one cable: outer 192.0.2.1, .2 and 2001:db8::1, ::2. */
export async function cabledHosts(lab: Lab, mtu?: number): Promise<[TestHost, TestHost]> {
  const a = await lab.host('a');
  const b = await lab.host('b');
  await lab.link(a, ['192.0.2.1/24', '2001:db8::1/64'], b, ['192.0.2.2/24', '2001:db8::2/64'], mtu);
  return [a, b];
}

/** Starts an implementation with a key of its own and inner addresses 10.9.0.N and fd09::N; it knows no peer yet. */
export async function startTunnel(
  lab: Lab,
  host: TestHost,
  implementation: Implementation,
  index: number,
  mtu = 1420,
): Promise<TunnelEnd> {
  const device = lab.interfaceName('wt');
  // Where it ends at a bad moment, wireguard-go leaves its socket.
  if (implementation.endsWith('wireguard-go')) lab.removesAtEnd(`/var/run/wireguard/${device}.sock`);
  const child = await startProgram(host, implementation, device, mtu);
  const key = randomBytes(32).toString('base64');
  const file = join(lab.directory('key'), 'private');
  writeFileSync(file, key, { mode: 0o600 });
  await host.runOk('wg', ['set', device, 'private-key', file, 'listen-port', String(PORT)]);
  const end = { host, child, device, inner4: `10.9.0.${index}`, inner6: `fd09::${index}` };
  await host.ip(`address add ${end.inner4}/24 dev ${device}`);
  await host.ip(`link set ${device} mtu ${mtu} up`);
  await host.ip(`address add ${end.inner6}/64 dev ${device} nodad`);
  return { ...end, publicKey: (await runOk('wg', ['pubkey'], { input: key })).trim() };
}

async function startProgram(
  host: TestHost,
  implementation: Implementation,
  device: string,
  mtu: number,
): Promise<Child> {
  // wireguard-go 0.0.20220316 now and then deletes its own socket as it starts (the Go listener that it copied the
  // descriptor from is collected) and ends with "Failed to listen on uapi socket". That is not what these tests are about.
  for (let tries = 1; ; tries++) {
    const [file, ...args] = PROGRAMS[implementation](device, String(mtu)) as [string, ...string[]];
    const child = host.spawn(file, args);
    const isUp = await waitFor(`${child.command} to answer wg`, async () => {
      if (!child.running) return 'ended';
      return (await host.run('wg', ['show', device])).status === 0 && 'up';
    });
    if (isUp === 'up') return child;
    const isKnown =
      implementation === 'wireguard-go' && child.output.includes('Failed to listen on uapi socket');
    if (!isKnown || tries === 3) throw new Error(`${child.command} ended: ${child.output}`);
  }
}

/** Makes `peer` a peer of `end`; without an endpoint it waits to be found. */
export async function addPeer(
  end: TunnelEnd,
  peer: TunnelEnd,
  options: { endpoint?: string; presharedKeyFile?: string; keepalive?: number } = {},
): Promise<void> {
  await end.host.runOk('wg', [
    ...['set', end.device, 'peer', peer.publicKey],
    ...['allowed-ips', `${peer.inner4}/32,${peer.inner6}/128`],
    ...(options.presharedKeyFile === undefined ? [] : ['preshared-key', options.presharedKeyFile]),
    ...(options.endpoint === undefined ? [] : ['endpoint', options.endpoint]),
    ...(options.keepalive === undefined ? [] : ['persistent-keepalive', String(options.keepalive)]),
  ]);
}

/** One ping; throws if it does not come back. */
export async function ping(from: TunnelEnd, address: string, ...more: string[]): Promise<void> {
  await from.host.runOk('ping', ['-n', '-c1', '-W5', ...more, address]);
}

/** A line of `wg show DEVICE dump` for the only peer, as its fields. */
export async function onlyPeer(
  end: TunnelEnd,
): Promise<{ endpoint: string; lastHandshake: number; received: number; sent: number }> {
  const dump = await end.host.runOk('wg', ['show', end.device, 'dump']);
  const fields = dump.trim().split('\n')[1]?.split('\t') ?? [];
  return {
    endpoint: fields[2] ?? '',
    lastHandshake: Number(fields[4]),
    received: Number(fields[5]),
    sent: Number(fields[6]),
  };
}
