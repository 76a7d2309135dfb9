import { Command } from 'commander';
import type { LogLevel } from '../../shared/log-levels.ts';
import { withAcceptDns, withLogLevel, withState } from './options.ts';

/** `bin/agent up`: the same as join for a host that has joined before; works while the coordinator is away. */
export function upCommand(): Command {
  return withLogLevel(withState(withAcceptDns(new Command('up'))), 'warn')
    .description('run the agent of a host that has joined before')
    .addHelpText('after', '\nExample:\n  bin/agent up')
    .action(async (options: { state: string; logLevel: LogLevel; acceptDns?: boolean }) => {
      const { up } = await import('./run-up.ts');
      await up(options.state, options.logLevel, options.acceptDns);
    });
}
