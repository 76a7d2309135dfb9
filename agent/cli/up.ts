import { Command } from 'commander';
import type { LogLevel } from '../../shared/log-levels.ts';
import { withAcceptDns, withExitNode, withLogLevel, withMetrics, withOutside, withState } from './options.ts';
import type { UpChanges } from './run-up.ts';

interface UpOptions extends UpChanges {
  state: string;
  logLevel: LogLevel;
}

/** `bin/agent up`: the same as join for a host that has joined before; works while the coordinator is away. */
export function upCommand(): Command {
  return withLogLevel(
    withState(withMetrics(withExitNode(withOutside(withAcceptDns(new Command('up'))), true))),
    'warn',
  )
    .description('run the agent of a host that has joined before')
    .addHelpText('after', '\nExample:\n  bin/agent up')
    .action(async ({ state, logLevel, ...changes }: UpOptions) => {
      const { up } = await import('./run-up.ts');
      await up(state, logLevel, changes);
    });
}
