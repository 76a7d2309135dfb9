import { hostname } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { cidr, collect, listenAddress } from '../../shared/arguments.ts';
import { isCoordinatorUrl } from '../../shared/join-token.ts';
import { createLogger } from '../../shared/log.ts';
import { LOG_LEVELS, type LogLevel } from '../../shared/log-levels.ts';
import { DEFAULT_PREFIX4 } from '../network/address-pool.ts';
import { runCoordinator } from '../run-coordinator.ts';
import { type DataOptions, withData } from './options.ts';

interface ServeOptions extends DataOptions {
  listen: { host: string; port: number };
  admin: { host: string; port: number };
  stun: { host: string; port: number };
  url?: string[];
  network?: string;
  logLevel: LogLevel;
}

export function serveCommand(): Command {
  return withData(new Command('serve'))
    .description('run the coordinator in the foreground; SIGTERM ends it')
    .option('--listen <host:port>', 'gRPC over TLS for agents', listenAddress, listenAddress('0.0.0.0:8443'))
    .option('--admin <host:port>', 'web admin', listenAddress, listenAddress('127.0.0.1:8080'))
    .option('--stun <host:port>', 'STUN over UDP', listenAddress, listenAddress('0.0.0.0:3478'))
    .option('--url <url>', 'how agents reach --listen; goes into tokens; may be repeated', collect(url))
    .option('--network <cidr>', `overlay range (default: ${DEFAULT_PREFIX4})`, cidr)
    .addOption(new Option('--log-level <level>', 'what to log').choices([...LOG_LEVELS]).default('info'))
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator serve --data /var/lib/warren-coordinator --url https://vpn.example.com:8443',
    )
    .action((options: ServeOptions) =>
      runCoordinator({
        dataFolder: options.data,
        database: options.database,
        listen: options.listen,
        admin: options.admin,
        stun: options.stun,
        urls: options.url,
        network: options.network,
        instance: `${hostname()}:${options.listen.port}`,
        log: createLogger(options.logLevel, 'coordinator'),
      }),
    );
}

function url(text: string): string {
  if (!isCoordinatorUrl(text)) throw new InvalidArgumentError('expected https://HOST:PORT.');
  return text;
}
