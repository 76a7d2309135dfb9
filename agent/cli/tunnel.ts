import { Command, Option } from 'commander';
import { LOG_LEVELS } from '../../shared/log-levels.ts';
import { DEFAULT_MTU, interfaceName, mtu, withWorkers } from './options.ts';
import type { TunnelCommandOptions } from './run-tunnel.ts';

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
    .action(async (name: string, options: TunnelCommandOptions) => {
      if (options.daemon) await (await import('./detach-tunnel.ts')).detach(name, options);
      else await (await import('./run-tunnel.ts')).run(name, options);
    });
}
