import { WarrenError } from '../../shared/errors.ts';
import { createLogger } from '../../shared/log.ts';
import type { LogLevel } from '../../shared/log-levels.ts';
import { State } from '../state/state.ts';
import { runDaemon } from './run-daemon.ts';

/** Runs the agent of a host that has joined before, with the settings of that time. */
export async function up(folder: string, logLevel: LogLevel): Promise<void> {
  const state = State.open(folder, { create: false });
  const lock = state.lock();
  try {
    const identity = state.joinedIdentity();
    const settings = state.settings();
    if (settings === null) {
      throw new WarrenError('corrupt', `settings.json is missing in ${folder}`, {
        hint: 'join again with a new token; name and addresses stay',
      });
    }
    await runDaemon(state, identity, settings, createLogger(logLevel, 'agent'));
  } finally {
    lock.release();
  }
}
