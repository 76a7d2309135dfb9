/** wireguard-go and Warren, set up by the same `wg` and `ip` commands. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOk } from '../../support/process.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Contender, ends, OUTER, type Pair, TUNNEL_MTU } from '../contender.ts';
import type { Program } from '../programs.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PORT = 51820;

/** The command line that makes a WireGuard interface of that name, and what is added to its environment. */
export type MakeInterface = (
  name: string,
  side: number,
) => { file: string; args: string[]; env?: Record<string, string> };

/** A contender that `wg` configures. `withPeers(n)` is the same with n peers configured, all but one of them silent. */
export interface WireGuardContender extends Contender {
  withPeers(peers: number): Contender;
}

export function wireGuardContender(
  about: Pick<Contender, 'name' | 'version' | 'kind'>,
  make: MakeInterface,
): WireGuardContender {
  const withPeers = (peers: number) => ({
    ...about,
    start: (pair: Pair) => startWireGuard(pair, make, peers),
  });
  return { ...withPeers(1), withPeers };
}

/** Peers that exist in the configuration only: a key, an address and an endpoint each. Nothing is ever sent to them. */
function silentPeers(count: number): string {
  return Array.from({ length: count }, (_, index) =>
    [
      '[Peer]',
      `PublicKey = ${randomBytes(32).toString('base64')}`,
      `AllowedIPs = 10.98.${index >> 8}.${index & 255}/32`,
      `Endpoint = ${OUTER.b}:${20_000 + index}\n`,
    ].join('\n'),
  ).join('\n');
}

async function startWireGuard(pair: Pair, make: MakeInterface, peers: number) {
  const sides = ends(pair).map((end) => ({ ...end, device: pair.lab.interfaceName('wb') }));
  const folder = pair.lab.directory('keys');
  const keys = await Promise.all(
    sides.map(async ({ inner }) => {
      const file = join(folder, inner);
      const key = randomBytes(32).toString('base64'); // `wg set` clamps it as it does any key
      writeFileSync(file, key, { mode: 0o600 });
      return { file, publicKey: (await runOk('wg', ['pubkey'], { input: key })).trim() };
    }),
  );
  return Promise.all(
    sides.map(async ({ host, inner, far, device }, index) => {
      const { file, args, env } = make(device, index);
      const child = host.spawn(file, args, { env: { LOG_LEVEL: 'error', ...env } });
      const state = await waitFor(`${child.command} to answer wg`, async () => {
        if (!child.running) return 'ended';
        return (await host.run('wg', ['show', device])).status === 0 && 'up';
      });
      if (state === 'ended') throw new Error(`${child.command} ended with ${child.status}: ${child.output}`);
      await host.runOk('wg', [
        ...['set', device, 'private-key', keys[index]!.file, 'listen-port', String(PORT)],
        ...['peer', keys[1 - index]!.publicKey, 'allowed-ips', `${far.inner}/32`],
        ...['endpoint', `${far.outer}:${PORT}`],
      ]);
      if (peers > 1) {
        const others = join(folder, `peers-${index}`);
        writeFileSync(others, silentPeers(peers - 1));
        await host.runOk('wg', ['addconf', device, others]);
      }
      await host.ip(`address add ${inner}/24 dev ${device}`);
      await host.ip(`link set ${device} mtu ${TUNNEL_MTU} up`);
      return child;
    }),
  );
}

/** Named with the version where no other name is given, for there may be several. */
export function wireguardGo(
  { file, version }: Program,
  name = `wireguard-go ${version.replace(/[-+].*/, '')}`,
): WireGuardContender {
  return wireGuardContender({ name, version, kind: 'peer' }, (device) => ({ file, args: ['-f', device] }));
}

/** This project's data plane as a plain WireGuard interface. `version` is warrenVersion(). */
export function warren(version: string, driver: 'linux' | 'portable', workers = 1): WireGuardContender {
  const name =
    driver === 'linux' ? `Warren (${workers} worker${workers === 1 ? '' : 's'})` : 'Warren (portable driver)';
  const options = driver === 'linux' ? ['--workers', String(workers)] : ['--driver', driver];
  return wireGuardContender({ name, version, kind: 'ours' }, (device) => ({
    file: join(ROOT, 'bin/agent'),
    args: ['tunnel', device, ...options],
  }));
}

export async function warrenVersion(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const commit = await runOk('git', ['-C', ROOT, 'describe', '--always', '--dirty']);
  return `${version} ${commit.trim()}, Node.js ${process.versions.node}`;
}
