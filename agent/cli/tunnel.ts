import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { WarrenError } from '../../shared/errors.ts';
import { createLogger, LOG_LEVELS, type LogLevel } from '../../shared/log.ts';
import type { DriverName } from '../tunnel/commands.ts';
import { Tunnel } from '../tunnel/tunnel.ts';
import { UapiServer } from '../uapi/server.ts';
import { DEFAULT_MTU, interfaceName, mtu, withWorkers } from './options.ts';

interface Options {
  driver: DriverName;
  mtu: number;
  workers?: number;
  daemon: boolean;
  logLevel: LogLevel;
}

/** `bin/agent tunnel IFNAME`: a plain WireGuard interface, without a coordinator, for wg(8) and wg-quick(8). */
export function tunnelCommand(): Command {
  const command = new Command('tunnel')
    .description('a plain WireGuard interface, configured with wg(8); needs no coordinator')
    .argument('<ifname>', 'name of the interface to make', interfaceName)
    .addOption(
      new Option('--driver <name>', 'how packets move').choices(['linux', 'portable']).default('linux'),
    )
    .option('--mtu <bytes>', 'MTU of the interface', mtu, DEFAULT_MTU)
    .option('--daemon', 'go to the background once wg(8) can reach the interface', false);
  return withWorkers(command)
    .addOption(new Option('--log-level <level>', 'what to log').choices([...LOG_LEVELS]).default('warn'))
    .addHelpText(
      'after',
      `
Example:
  bin/agent tunnel wg0 &
  wg set wg0 private-key ./key listen-port 51820 peer BASE64 allowed-ips 10.0.0.2/32 endpoint 192.0.2.1:51820
  ip address add 10.0.0.1/24 dev wg0 && ip link set wg0 up

It runs until SIGTERM or Ctrl-C, or until the interface or its socket in /var/run/wireguard is removed.`,
    )
    .action((name: string, options: Options) =>
      options.daemon ? detach(name, options) : run(name, options),
    );
}

async function run(name: string, options: Options): Promise<void> {
  const log = createLogger(options.logLevel, `tunnel ${name}`);
  // Heard from the first moment on: a signal that comes while the tunnel opens ends it with 0 too.
  const stop = Promise.withResolvers<void>();
  process.once('SIGTERM', () => stop.resolve());
  process.once('SIGINT', () => stop.resolve());
  const tunnel = await Tunnel.open(
    {
      driver: options.driver,
      interfaceName: name,
      mtu: options.mtu,
      ...(options.workers === undefined ? {} : { workers: options.workers }),
    },
    (event) => {
      if (event.kind !== 'timestamp-sent') log.debug({ event: event.kind }, 'device');
    },
  );
  let server: UapiServer;
  try {
    server = await UapiServer.listen(tunnel, log);
  } catch (error) {
    await tunnel.close();
    throw error;
  }
  const end = () => void tunnel.close();
  void stop.promise.then(end);
  const watcher = watch(dirname(server.path), () => {
    if (!server.isThere()) end();
  });
  const { interfaceName, driver, workers, offloads, notes } = tunnel.facts;
  for (const note of notes) log.warn(note);
  const active = Object.entries(offloads)
    .filter(([, on]) => on)
    .map(([offload]) => offload);
  process.stdout.write(
    `${interfaceName} is up: driver ${driver}, workers ${workers}, offloads ${active.join(' ') || 'none'}, socket ${server.path}\n`,
  );
  try {
    await tunnel.closed;
  } finally {
    watcher.close();
    await server.close();
  }
}

/** Starts the same command in the background and returns when its interface can be configured, as wg-quick expects. */
async function detach(name: string, options: Options): Promise<void> {
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  // A file, not a pipe: the child may write to it after this process has ended. It is removed at once when read.
  const complaints = temporaryFile();
  const child = spawn(
    process.execPath,
    [
      ...process.execArgv,
      main,
      'tunnel',
      name,
      '--driver',
      options.driver,
      '--mtu',
      String(options.mtu),
      ...(options.workers === undefined ? [] : ['--workers', String(options.workers)]),
      '--log-level',
      options.logLevel,
    ],
    { detached: true, stdio: ['ignore', 'pipe', complaints.descriptor] },
  );
  const stdout = child.stdout as Readable;
  try {
    await new Promise<void>((resolve, reject) => {
      stdout.once('data', () => resolve());
      child.once('exit', (status) => {
        const reason = complaints.lastLine() || `it ended with status ${status}`;
        reject(new WarrenError('internal', reason.replace(/^error: /, '')));
      });
    });
  } finally {
    complaints.close();
  }
  child.removeAllListeners('exit');
  stdout.destroy();
  child.unref();
}

function temporaryFile() {
  const folder = mkdtempSync(join(tmpdir(), 'warren-tunnel-'));
  const path = join(folder, 'stderr');
  const descriptor = openSync(path, 'a', 0o600);
  return {
    descriptor,
    lastLine: () => readFileSync(path, 'utf8').trim().split('\n').at(-1) ?? '',
    close: () => {
      closeSync(descriptor);
      rmSync(folder, { recursive: true });
    },
  };
}
