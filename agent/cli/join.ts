import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { cidr, portNumber } from '../../shared/arguments.ts';
import { WarrenError } from '../../shared/errors.ts';
import { parseJoinToken } from '../../shared/join-token.ts';
import { createLogger, type LogLevel } from '../../shared/log.ts';
import { enrol } from '../control/enrol.ts';
import { checkPrivileges } from '../host/privileges.ts';
import { State } from '../state/state.ts';
import type { DriverName } from '../tunnel/commands.ts';
import {
  DEFAULT_INTERFACE,
  DEFAULT_MTU,
  interfaceName,
  mtu,
  withLogLevel,
  withState,
  withWorkers,
} from './options.ts';
import { runDaemon } from './run-daemon.ts';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

interface JoinOptions {
  state: string;
  tokenFile?: string;
  interface: string;
  hostname?: string;
  listenPort: number;
  mtu: number;
  driver?: DriverName;
  workers?: number;
  advertiseRoutes: string[];
  acceptRoutes: boolean;
  advertiseExitNode: boolean;
  logLevel: LogLevel;
}

/** `bin/agent join TOKEN`: all that a host needs to become a member. */
export function joinCommand(): Command {
  const command = new Command('join')
    .description('make this host a member of the mesh, and run the agent in the foreground')
    .argument('[token]', 'what `coordinator token create` printed; - reads it from standard input')
    .option('--token-file <file>', 'read the token from a file instead; - is standard input')
    .option('--interface <name>', 'name of the network interface', interfaceName, DEFAULT_INTERFACE)
    .option('--hostname <name>', 'name in the mesh, instead of this host’s')
    .option('--listen-port <port>', 'UDP port for the mesh; 0 lets the system choose', portNumber, 0)
    .option('--mtu <bytes>', 'MTU of the interface', mtu, DEFAULT_MTU)
    .addOption(
      new Option('--driver <name>', 'how packets move (default: the best that works here)').choices([
        'linux',
        'portable',
      ]),
    )
    .option('--advertise-routes <cidr,...>', 'offer to carry these networks', routes, [])
    .option('--accept-routes', 'use the networks that others carry', false)
    .option('--advertise-exit-node', 'offer to carry traffic to the Internet', false);
  return withLogLevel(withState(withWorkers(command)), 'warn')
    .addHelpText(
      'after',
      `
Examples:
  bin/agent join warren1_…
  bin/agent join --token-file /run/secrets/warren-token --hostname db1 --listen-port 51820

SIGTERM or Ctrl-C ends it and leaves nothing on the host; \`bin/agent up\` starts it again without a token.`,
    )
    .action(join);
}

async function join(argument: string | undefined, options: JoinOptions): Promise<void> {
  const token = parseJoinToken(await tokenText(argument, options.tokenFile));
  checkPrivileges();
  const log = createLogger(options.logLevel, 'agent');
  const state = State.open(options.state, { create: true });
  const lock = state.lock();
  // Nothing of the agent is on the host yet: there is nothing to take away.
  const quit = () => process.exit(0);
  for (const signal of SIGNALS) process.on(signal, quit);
  try {
    const known = state.identity();
    const samePin = known !== null && known.pin === Buffer.from(token.pin).toString('base64');
    if (known !== null && !samePin) {
      throw new WarrenError(
        'already-exists',
        `this host is a member of another network already (${options.state})`,
        {
          hint: 'leave it first with `bin/agent leave`, or give a folder of its own with --state',
        },
      );
    }
    const identity = await enrol({
      token,
      name: options.hostname,
      advertiseRoutes: options.advertiseRoutes,
      advertiseExitNode: options.advertiseExitNode,
      known,
      progress: (line) => process.stderr.write(`${line}\n`),
    });
    const lastPort = state.settings()?.lastPort;
    const settings = {
      version: 1 as const,
      interfaceName: options.interface,
      mtu: options.mtu,
      listenPort: options.listenPort,
      driver: options.driver ?? null,
      workers: options.workers ?? null,
      advertiseRoutes: options.advertiseRoutes,
      acceptRoutes: options.acceptRoutes,
      advertiseExitNode: options.advertiseExitNode,
      ...(lastPort === undefined ? {} : { lastPort }),
    };
    state.saveIdentity(identity);
    state.saveSettings(settings);
    for (const signal of SIGNALS) process.off(signal, quit);
    await runDaemon(state, identity, settings, log);
  } finally {
    lock.release();
  }
}

async function tokenText(argument: string | undefined, file: string | undefined): Promise<string> {
  if ((argument === undefined) === (file === undefined)) {
    throw new WarrenError('usage', 'expected a token, either as the argument or by --token-file', {
      hint: 'get one with `coordinator token create`',
    });
  }
  if (argument !== undefined && argument !== '-') return argument;
  if (file === undefined || file === '-') return text(process.stdin);
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new WarrenError(
      'usage',
      `the token file ${file} cannot be read: ${(cause as NodeJS.ErrnoException).code}`,
      {
        cause,
      },
    );
  }
}

function routes(value: string): string[] {
  return value.split(',').map((part) => cidr(part.trim()));
}
