import { Command } from 'commander';
import type { LogLevel } from '../../shared/log-levels.ts';
import {
  withAcceptDns,
  withCarrying,
  withExitNode,
  withLogLevel,
  withMetrics,
  withOutside,
  withState,
} from './options.ts';
import type { UpChanges } from './run-up.ts';

interface UpOptions extends UpChanges {
  state: string;
  logLevel: LogLevel;
}

/** `bin/agent up`: the same as join for a host that has joined before; works while the coordinator is away. */
export function upCommand(): Command {
  return withLogLevel(
    withState(withMetrics(withExitNode(withCarrying(withOutside(withAcceptDns(new Command('up')))), true))),
    'warn',
  )
    .description(
      'run the agent of a host that has joined before; what is given here replaces what was, for good',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  bin/agent up\n  bin/agent up --advertise-routes 192.168.10.0/24 --accept-routes\n  bin/agent up --accept-routes false',
    )
    .action(async ({ state, logLevel, ...changes }: UpOptions) => {
      const { up } = await import('./run-up.ts');
      await up(state, logLevel, changes);
    });
}
