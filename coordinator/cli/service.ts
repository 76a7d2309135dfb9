import { Command } from 'commander';
import { collect, listenAddress } from '../../shared/arguments.ts';
import { installUnit, uninstallUnit } from '../../shared/systemd-unit.ts';
import { coordinatorUnit, NAME, programPath } from '../service-unit.ts';
import { url } from './options.ts';

interface InstallOptions {
  data: string;
  url?: string[];
  listen?: { host: string; port: number };
  admin?: { host: string; port: number };
  dryRun: boolean;
}

/** `bin/coordinator service`: the coordinator under systemd. */
export function serviceCommand(): Command {
  return new Command('service')
    .description('have systemd run the coordinator')
    .addCommand(installCommand())
    .addCommand(
      new Command('uninstall')
        .description('stop the coordinator and take the service away; its data stays')
        .addHelpText('after', '\nExample:\n  bin/coordinator service uninstall')
        .action(() => {
          const wasThere = uninstallUnit(NAME);
          process.stdout.write(wasThere ? `${NAME} is stopped and gone\n` : `there is no ${NAME}\n`);
        }),
    );
}

function installCommand(): Command {
  return new Command('install')
    .description('start the coordinator now and at each boot, as a user of its own that systemd makes')
    .option('--data <dir>', 'its folder, below /var/lib', '/var/lib/warren-coordinator')
    .option('--url <url>', 'how agents reach it; may be repeated', collect(url))
    .option('--listen <host:port>', 'gRPC over TLS for agents, instead of 0.0.0.0:8443', listenAddress)
    .option('--admin <host:port>', 'web admin, instead of 127.0.0.1:8080', listenAddress)
    .option('--dry-run', 'print the unit and change nothing', false)
    .addHelpText(
      'after',
      '\nExamples:\n  bin/coordinator service install --url https://vpn.example.com:8443\n  bin/coordinator service install --dry-run > warren-coordinator.service',
    )
    .action((options: InstallOptions) => {
      const endpoint = (flag: string, at?: { host: string; port: number }) =>
        at === undefined ? [] : [flag, `${at.host.includes(':') ? `[${at.host}]` : at.host}:${at.port}`];
      const flags = [
        ...(options.url ?? []).flatMap((each) => ['--url', each]),
        ...endpoint('--listen', options.listen),
        ...endpoint('--admin', options.admin),
      ];
      const unit = coordinatorUnit(programPath, process.execPath, options.data, flags);
      if (options.dryRun) {
        process.stdout.write(unit.text);
        return;
      }
      installUnit(unit);
      process.stdout.write(
        `${NAME} is enabled and started: journalctl -u ${NAME} has the link to the admin page\n`,
      );
    });
}
