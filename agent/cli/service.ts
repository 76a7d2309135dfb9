import { Command } from 'commander';
import { withState } from './options.ts';

/** `bin/agent service`: the agent under systemd. */
export function serviceCommand(): Command {
  return new Command('service')
    .description('have systemd run the agent')
    .addCommand(installCommand())
    .addCommand(
      new Command('uninstall')
        .description('stop the agent and take the service away; the host stays a member')
        .addHelpText('after', '\nExample:\n  bin/agent service uninstall')
        .action(async () => {
          const { uninstall } = await import('./run-service.ts');
          uninstall();
        }),
    );
}

function installCommand(): Command {
  return withState(new Command('install'))
    .description('start the agent of this host, which has joined before, now and at each boot')
    .option('--dry-run', 'print the unit and change nothing', false)
    .addHelpText(
      'after',
      '\nExamples:\n  bin/agent service install\n  bin/agent service install --dry-run > warren-agent.service',
    )
    .action(async (options: { state: string; dryRun: boolean }) => {
      const { install } = await import('./run-service.ts');
      install(options.state, options.dryRun);
    });
}
