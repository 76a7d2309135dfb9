import { hostname } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { cidr, collect, listenAddress, listenOption, megabits, portNumber } from '../../shared/arguments.ts';
import { LOG_LEVELS, type LogLevel } from '../../shared/log-levels.ts';
import { type Prefix, parsePrefix } from '../../shared/prefix.ts';
import { DEFAULT_PREFIX4 } from '../network/address-pool.ts';
import { DEFAULT_RELAY_MBITS } from '../relay/own-relay.ts';
import { type DataOptions, url, withData } from './options.ts';

interface ServeOptions extends DataOptions {
  listen: { host: string; port: number };
  admin: { host: string; port: number };
  adminUrl?: string;
  trustedProxy?: Prefix[];
  oidc?: string;
  stun?: { host: string; port: number }[];
  stunAlternatePort?: number;
  stunPublic: boolean;
  relayRate: number;
  url?: string[];
  network?: string;
  logLevel: LogLevel;
}

export function serveCommand(): Command {
  return withData(new Command('serve'))
    .description('run the coordinator in the foreground; SIGTERM ends it')
    .addOption(listenOption('--listen <host:port>', 'gRPC over TLS for agents', '0.0.0.0:8443'))
    .addOption(listenOption('--admin <host:port>', 'web admin', '127.0.0.1:8080'))
    .option('--admin-url <url>', 'how browsers reach the web admin, where a proxy stands before it', webUrl)
    .option(
      '--trusted-proxy <network>',
      'a proxy whose X-Forwarded-For and X-Forwarded-Proto are believed; may be repeated',
      collect(addressOrNetwork),
    )
    .option('--oidc <file>', 'OpenID Connect providers for signing in (docs/accounts.md)')
    .option(
      '--stun <host:port>',
      'STUN over UDP; may be repeated (default: 0.0.0.0:3478, and [::]:3478 where there is IPv6)',
      collect(listenAddress),
    )
    .option(
      '--stun-alternate-port <port>',
      'the second port that STUN is answered on (default: the one after the first)',
      portNumber,
    )
    .option(
      '--stun-public',
      'answer STUN clients other than agents too, at a low rate: their requests are shorter than the answers',
      false,
    )
    .option(
      '--relay-rate <mbits>',
      'what each node may send by this relay, megabits a second',
      megabits,
      DEFAULT_RELAY_MBITS,
    )
    .option('--url <url>', 'how agents reach --listen; goes into tokens; may be repeated', collect(url))
    .option('--network <cidr>', `overlay range (default: ${DEFAULT_PREFIX4})`, cidr)
    .addOption(new Option('--log-level <level>', 'what to log').choices([...LOG_LEVELS]).default('info'))
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator serve --data /var/lib/warren-coordinator --url https://vpn.example.com:8443',
    )
    .action(async (options: ServeOptions) => {
      const [{ runCoordinator }, { createLogger }, { readProviders }] = await Promise.all([
        import('../run-coordinator.ts'),
        import('../../shared/log.ts'),
        import('../admin/oidc/config.ts'),
      ]);
      const wanted = {
        dataFolder: options.data,
        database: options.database,
        listen: options.listen,
        admin: options.admin,
        adminUrl: options.adminUrl,
        trustedProxies: options.trustedProxy ?? [],
        providers: options.oidc === undefined ? [] : readProviders(options.oidc),
        stun: {
          listen: options.stun ?? DEFAULT_STUN,
          alternatePort: options.stunAlternatePort,
          isPublic: options.stunPublic,
        },
        relayMbits: options.relayRate,
        urls: options.url,
        network: options.network,
        name: `${hostname()}:${options.listen.port}`,
        log: createLogger(options.logLevel, 'coordinator'),
      };
      while (await runCoordinator(wanted));
      // Connections to those that have vanished would keep the process for as long as TCP hopes for them.
      process.exit();
    });
}

/** An address, or a CIDR. */
function addressOrNetwork(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix !== null) return prefix;
  throw new InvalidArgumentError('expected an address or a CIDR such as 10.0.0.0/8.');
}

/** `https://HOST`, or http, without a path. */
function webUrl(text: string): string {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '')
    return url.origin;
  throw new InvalidArgumentError('expected https://HOST without a path.');
}

const DEFAULT_STUN = [
  { host: '0.0.0.0', port: 3478 },
  { host: '::', port: 3478, optional: true },
];
