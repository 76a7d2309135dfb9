import { Command } from 'commander';
import { WarrenError } from '../../shared/errors.ts';
import { createLogger, type LogLevel } from '../../shared/log.ts';
import { State } from '../state/state.ts';
import { withLogLevel, withState } from './options.ts';
import { runDaemon } from './run-daemon.ts';

/** `bin/agent up`: the same as join for a host that has joined before; works while the coordinator is away. */
export function upCommand(): Command {
  return withLogLevel(withState(new Command('up')), 'warn')
    .description('run the agent of a host that has joined before')
    .addHelpText('after', '\nExample:\n  bin/agent up')
    .action(async (options: { state: string; logLevel: LogLevel }) => {
      const state = State.open(options.state, { create: false });
      const lock = state.lock();
      try {
        const identity = state.joinedIdentity();
        const settings = state.settings();
        if (settings === null) {
          throw new WarrenError('corrupt', `settings.json is missing in ${options.state}`, {
            hint: 'join again with a new token; name and addresses stay',
          });
        }
        await runDaemon(state, identity, settings, createLogger(options.logLevel, 'agent'));
      } finally {
        lock.release();
      }
    });
}
