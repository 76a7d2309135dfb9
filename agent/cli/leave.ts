import { Command } from 'commander';
import { WarrenError } from '../../shared/errors.ts';
import { leaveNetwork } from '../control/sync-client.ts';
import { askAgent } from '../local-api/client.ts';
import { State } from '../state/state.ts';
import { withState } from './options.ts';

/** `bin/agent leave`: out of the network for good. A running agent does it and ends; otherwise this process does. */
export function leaveCommand(): Command {
  return withState(new Command('leave'))
    .description('leave the mesh: tells the coordinator, ends the agent, forgets the keys')
    .option('--force', 'forget the keys even if the coordinator cannot be told', false)
    .addHelpText('after', '\nExample:\n  bin/agent leave')
    .action(async (options: { state: string; force: boolean }) => {
      const state = State.open(options.state, { create: false });
      const identity = state.joinedIdentity();
      const told = await leaveByAgent(state, options.force).catch(async (error: unknown) => {
        if (!(error instanceof WarrenError) || error.code !== 'unavailable' || isRunning(state))
          throw withHint(error);
        const lock = state.lock();
        try {
          const isTold = await leaveNetwork(identity).then(
            () => true,
            (failure: unknown) => {
              const isGone = failure instanceof WarrenError && failure.code === 'unauthenticated';
              if (!isGone && !options.force) throw withHint(failure);
              return isGone;
            },
          );
          state.forget();
          return isTold;
        } finally {
          lock.release();
        }
      });
      process.stdout.write(
        told ? 'left the network\n' : 'left the network, but the coordinator does not know it yet\n',
      );
    });
}

async function leaveByAgent(state: State, force: boolean): Promise<boolean> {
  return (await askAgent<{ told: boolean }>(state.socketPath, 'leave', { force })).told;
}

/** Whether an agent holds this folder: then it was the coordinator that was away. */
function isRunning(state: State): boolean {
  try {
    state.lock().release();
    return false;
  } catch {
    return true;
  }
}

function withHint(error: unknown): unknown {
  if (!(error instanceof WarrenError) || error.code !== 'unavailable') return error;
  return new WarrenError(error.code, error.message, {
    hint: 'try again when it is back, or forget the keys anyway with --force and have an administrator remove the node',
    cause: error,
  });
}
