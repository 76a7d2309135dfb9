/** wireguard-go and Warren, set up by the same `wg` and `ip` commands. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, runOk } from '../../support/process.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Contender, ends, type Pair, TUNNEL_MTU } from '../contender.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PORT = 51820;

async function startWireGuard(pair: Pair, program: (interfaceName: string) => [string, string[]]) {
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
      const [file, args] = program(device);
      const child = host.spawn(file, args, { env: { LOG_LEVEL: 'error' } });
      await waitFor(`${file} to answer wg`, async () => {
        if (!child.running) throw new Error(`${child.command} ended: ${child.output}`);
        return (await host.run('wg', ['show', device])).status === 0;
      });
      await host.runOk('wg', [
        ...['set', device, 'private-key', keys[index]!.file, 'listen-port', String(PORT)],
        ...['peer', keys[1 - index]!.publicKey, 'allowed-ips', `${far.inner}/32`],
        ...['endpoint', `${far.outer}:${PORT}`],
      ]);
      await host.ip(`address add ${inner}/24 dev ${device}`);
      await host.ip(`link set ${device} mtu ${TUNNEL_MTU} up`);
      return child;
    }),
  );
}

/** Debian's wireguard-go, or the binary at `file`. */
export function wireguardGo(file = 'wireguard-go', name = 'wireguard-go'): Contender {
  return {
    name,
    version: async () => {
      // Debian's build does not know its version; its package does.
      const { stdout } = await run('dpkg-query', ['--show', 'wireguard-go']);
      if (file === 'wireguard-go' && stdout) return stdout.split('\t')[1]!.trim();
      return (await run(file, ['--version'])).stdout.split('\n')[0] ?? '';
    },
    start: (pair) => startWireGuard(pair, (device) => [file, ['-f', device]]),
  };
}

/** This project's data plane as a plain WireGuard interface. */
export function warren(driver: 'linux' | 'portable'): Contender {
  return {
    name: driver === 'linux' ? 'Warren' : 'Warren (portable driver)',
    version: async () => {
      const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
      const { stdout } = await run('git', ['-C', ROOT, 'describe', '--always', '--dirty']);
      return `${version} ${stdout.trim()}, Node.js ${process.versions.node}`;
    },
    start: (pair) =>
      startWireGuard(pair, (device) => [join(ROOT, 'bin/agent'), ['tunnel', device, '--driver', driver]]),
  };
}
