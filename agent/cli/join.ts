import { Command, InvalidArgumentError, Option } from 'commander';
import { portNumber } from '../../shared/arguments.ts';
import { advertisedRoutes } from './advertised-routes.ts';
import {
  DEFAULT_INTERFACE,
  DEFAULT_MTU,
  interfaceName,
  mtu,
  withAcceptDns,
  withExitNode,
  withLogLevel,
  withMetrics,
  withOutside,
  withState,
  withWorkers,
} from './options.ts';
import type { JoinOptions } from './run-join.ts';

/** `bin/agent join TOKEN`: all that a host needs to become a member. */
export function joinCommand(): Command {
  const command = new Command('join')
    .description('make this host a member of the mesh, and run the agent in the foreground')
    .argument('[token]', 'what `coordinator token create` printed; - reads it from standard input')
    .option('--token-file <file>', 'read the token from a file instead; - is standard input')
    .option(
      '--unless-joined',
      'where this host has joined before, start as `up` does with the settings given here, and leave the token alone',
      false,
    )
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
    .option(
      '--advertise-routes <cidr,...>',
      'offer to carry these networks; SITE=MESH has the mesh reach SITE as MESH, address by address',
      advertisedRoutes,
    )
    .option('--accept-routes', 'use the networks that others carry', false)
    .addOption(
      new Option(
        '--snat <true|false>',
        'give what is carried to these networks an address of this host as its source; with false hosts there need a route back',
      )
        .choices(['true', 'false'])
        .default('true'),
    )
    .option(
      '--site-to-site',
      'let hosts of the advertised networks begin connections to networks of other sites; without it they only answer',
      false,
    )
    .option('--advertise-exit-node', 'offer to carry traffic to the Internet', false)
    .option(
      '--segment <name,...>',
      'ask to be a part of these layer 2 segments: devices seg-NAME',
      segments,
      [],
    )
    .option('--bridge <name>', 'make the device of the segment a port of this bridge', interfaceName);
  return withLogLevel(
    withState(withMetrics(withExitNode(withOutside(withWorkers(withAcceptDns(command, true))), false))),
    'warn',
  )
    .addHelpText(
      'after',
      `
Examples:
  bin/agent join warren1_…
  bin/agent join --token-file /run/secrets/warren-token --hostname db1 --listen-port 51820
  bin/agent join warren1_… --advertise-routes 192.168.10.0/24,192.168.1.0/24=10.201.1.0/24
  bin/agent join --token-file /run/secrets/warren-token --unless-joined    for containers and services, which start often

SIGTERM or Ctrl-C ends it and leaves nothing on the host; \`bin/agent up\` starts it again without a token.`,
    )
    .action(async (token: string | undefined, options: JoinOptions) => {
      const { join } = await import('./run-join.ts');
      await join(token, options);
    });
}

function segments(value: string): string[] {
  return value.split(',').map((part) => {
    if (/^(?!-)[a-z0-9-]{1,11}(?<!-)$/.test(part)) return part;
    throw new InvalidArgumentError(
      'expected names of 1 to 11 lower-case letters, digits and inner hyphens, separated by commas.',
    );
  });
}
