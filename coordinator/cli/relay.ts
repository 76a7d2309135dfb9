import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { collect, listenAddress, listenOption, megabits, portNumber } from '../../shared/arguments.ts';
import { WarrenError } from '../../shared/errors.ts';
import { parseJoinToken } from '../../shared/join-token.ts';
import { LOG_LEVELS, type LogLevel } from '../../shared/log-levels.ts';
import { DEFAULT_RELAY_MBITS } from '../relay/own-relay.ts';
import { url } from './options.ts';

interface RelayCommandOptions {
  data: string;
  listen: { host: string; port: number };
  token?: string;
  url?: string[];
  name: string;
  stun?: { host: string; port: number }[];
  stunAlternatePort?: number;
  stunPublic: boolean;
  relayRate: number;
  logLevel: LogLevel;
}

export function relayCommand(): Command {
  return new Command('relay')
    .description('run a relay on a host of its own, for nodes that have no direct path; SIGTERM ends it')
    .option('--data <dir>', "the relay's folder", '/var/lib/warren-relay')
    .addOption(listenOption('--listen <host:port>', 'TLS for agents', '0.0.0.0:8443'))
    .option(
      '--token <file>',
      'what `coordinator token create --relay` printed, - for standard input; needed once',
    )
    .option('--url <url>', 'how agents reach --listen; may be repeated (default: derived)', collect(url))
    .option('--name <name>', 'for people', hostname())
    .option('--stun <host:port>', 'answer STUN over UDP too; may be repeated', collect(listenAddress))
    .option('--stun-alternate-port <port>', 'its second port (default: the one after the first)', portNumber)
    .option('--stun-public', 'answer STUN clients other than agents too, at a low rate', false)
    .option(
      '--relay-rate <mbits>',
      'what each node may send, megabits a second',
      megabits,
      DEFAULT_RELAY_MBITS,
    )
    .addOption(new Option('--log-level <level>', 'what to log').choices([...LOG_LEVELS]).default('info'))
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator relay --listen 0.0.0.0:8443 --token /run/secrets/relay-token --url https://relay.example.com:8443',
    )
    .action(async (options: RelayCommandOptions) => {
      const token = options.token === undefined ? null : parseJoinToken(await tokenText(options.token));
      const [{ runRelay }, { createLogger }] = await Promise.all([
        import('../run-relay.ts'),
        import('../../shared/log.ts'),
      ]);
      await runRelay({
        folder: options.data,
        listen: options.listen,
        token,
        urls: options.url,
        name: options.name,
        stun:
          options.stun === undefined
            ? null
            : {
                listen: options.stun,
                alternatePort: options.stunAlternatePort,
                isPublic: options.stunPublic,
              },
        relayMbits: options.relayRate,
        log: createLogger(options.logLevel, 'relay'),
      });
      // As with `serve`: who has vanished hangs up no more.
      process.exit();
    });
}

async function tokenText(file: string): Promise<string> {
  if (file === '-') return (await text(process.stdin)).trim();
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new WarrenError('usage', `the token file ${file} cannot be read: ${code}`, { cause });
  }
}
