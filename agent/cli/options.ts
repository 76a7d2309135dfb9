import { type Command, InvalidArgumentError, Option } from 'commander';
import { collect, listenAddress } from '../../shared/arguments.ts';
import { formatEndpoint, parseEndpoint } from '../../shared/endpoint.ts';
import { parseIp } from '../../shared/ip.ts';
import { LOG_LEVELS } from '../../shared/log-levels.ts';
import { isProbeable } from '../paths/address-class.ts';
import { MAX_WORKERS, workersByCores } from '../tunnel/workers.ts';
import { UdpAddress } from '../wireguard/udp-address.ts';
import { advertisedRoutes } from './advertised-routes.ts';

export const DEFAULT_STATE = '/var/lib/warren';
export const DEFAULT_INTERFACE = 'warren0';
/** 1500 of an Ethernet less IPv6, UDP and WireGuard, as every WireGuard has it. */
export const DEFAULT_MTU = 1420;

export function withState(command: Command): Command {
  return command.option('--state <dir>', "the agent's folder", DEFAULT_STATE);
}

export function withLogLevel(command: Command, level: string): Command {
  return command.addOption(
    new Option('--log-level <level>', 'what to log').choices([...LOG_LEVELS]).default(level),
  );
}

/** `--accept-dns false`. */
export function withAcceptDns(command: Command, standard?: boolean): Command {
  const option = new Option(
    '--accept-dns <true|false>',
    "have this host's programs look names up at the agent; false leaves its resolver alone",
  ).argParser((text: string) => {
    if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('expected true or false.');
    return text === 'true';
  });
  return command.addOption(standard === undefined ? option : option.default(standard));
}

export function interfaceName(text: string): string {
  // The kernel's rule (dev_valid_name); no leading dash, which other programs would take for an option; no %, for which the
  // kernel puts a number; ASCII, for it counts bytes and terminals obey control characters.
  if (!/^(?!-)[^\s/:%\p{C}\P{ASCII}]{1,15}$/u.test(text) || text === '.' || text === '..') {
    throw new InvalidArgumentError(
      'expected an interface name of 1 to 15 ASCII characters without /, :, % and spaces.',
    );
  }
  return text;
}

/** `--endpoint` and `--stun`: what the agent cannot find out by itself. */
export function withOutside(command: Command): Command {
  return command
    .option(
      '--endpoint <address:port>',
      'where peers may reach this host as well, such as a forwarded port; may be repeated',
      collect(endpoint),
    )
    .option(
      '--stun <host[:port]>',
      'a STUN server to ask beside those of the network; may be repeated',
      collect(stunServer),
    );
}

function endpoint(text: string): string {
  const parsed = parseEndpoint(text);
  if (parsed === null) throw new InvalidArgumentError('expected ADDRESS:PORT, IPv6 in brackets.');
  if (!isProbeable(UdpAddress.from(parsed.address, parsed.port)))
    throw new InvalidArgumentError('expected the address of one host, which others can reach.');
  return formatEndpoint(parsed);
}

/** RFC 8489 18.4: the port of STUN. */
const STUN_PORT = 3478;

function stunServer(text: string): { host: string; port: number } {
  const [, host, port = String(STUN_PORT)] =
    /^(\[[0-9a-fA-F:.]+\]|[^:\s/[\]]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const bare = host?.replace(/^\[|\]$/g, '') ?? '';
  const isHost = host === bare ? bare !== '' : parseIp(bare)?.length === 16;
  if (!isHost || Number(port) < 1 || Number(port) > 65535)
    throw new InvalidArgumentError('expected HOST or HOST:PORT, IPv6 in brackets.');
  return { host: bare, port: Number(port) };
}

/** `--exit-node` and what goes with it; `none` and `--no-…` where a setting of before can be taken back. */
export function withExitNode(command: Command, hasBefore: boolean): Command {
  const ofBefore = hasBefore ? '; none for none any more' : '';
  return command
    .option('--exit-node <name|address>', `reach the Internet by this node${ofBefore}`, exitNode)
    .addOption(
      new Option(
        '--exit-node-allow-lan [true|false]',
        'reach private networks that this host is connected to all the same',
      )
        .choices(['true', 'false'])
        .preset('true'),
    );
}

function exitNode(text: string): string {
  if (/^[\p{L}\p{N}][\p{L}\p{N}.:_-]*$/u.test(text)) return text;
  throw new InvalidArgumentError('expected the name or an address of a node.');
}

/** `--metrics HOST:PORT`; null for `off`. */
export function withMetrics(command: Command): Command {
  return command.option(
    '--metrics <host:port>',
    'serve metrics for Prometheus on this address too, beside the local socket; off takes it back',
    (text: string) => (text === 'off' ? null : listenAddress(text)),
  );
}

/** `--accept-routes`, or `--accept-routes false`. */
function onOrOff(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('expected true or false.');
  return text === 'true';
}

/** What `up` changes of what a host carries and uses; `join` has the same with its own words for what is not said. */
export function withCarrying(command: Command): Command {
  return command
    .option(
      '--advertise-routes <cidr,...>',
      'offer to carry these networks instead of those of before; "" for none',
      (text: string) => (text === '' ? { routes: [], mappings: [] } : advertisedRoutes(text)),
    )
    .option('--accept-routes [on]', 'use the networks that others carry', onOrOff)
    .option('--snat [on]', 'give what is carried an address of this host as its source', onOrOff)
    .option(
      '--site-to-site [on]',
      'let hosts of the advertised networks begin connections to other sites',
      onOrOff,
    )
    .option('--advertise-exit-node [on]', 'offer to carry traffic to the Internet', onOrOff);
}

/** `--workers N`. */
export function withWorkers(command: Command): Command {
  return command.option(
    '--workers <n>',
    `threads that move packets, 1 to ${MAX_WORKERS} (default: half of the cores, here ${workersByCores()})`,
    workers,
  );
}

function workers(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > MAX_WORKERS) {
    throw new InvalidArgumentError(`expected a number from 1 to ${MAX_WORKERS}.`);
  }
  return value;
}

/** IPv6 needs 1280 (RFC 8200 section 5). */
export function mtu(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1280 || value > 65535) {
    throw new InvalidArgumentError('expected a number from 1280 to 65535.');
  }
  return value;
}
