import { WarrenError } from '../../shared/errors.ts';
import { createLogger } from '../../shared/log.ts';
import { printJson } from '../../shared/print-json.ts';
import { leaveNetwork } from '../control/leave-network.ts';
import { removeLeftovers } from '../host/leftovers.ts';
import { askAgent } from '../local-api/client.ts';
import { coordinatorUrls } from '../mesh/coordinator-urls.ts';
import { State } from '../state/state.ts';
import { DEFAULT_INTERFACE, DEFAULT_MTU } from './options.ts';
import { savedMap } from './saved-map.ts';

/** Takes this host out of the network: by the running agent, or from here where none runs. */
export async function leave(folder: string, force: boolean, json: boolean): Promise<void> {
  const state = State.open(folder, { create: false });
  const identity = state.joinedIdentity();
  const told = await leaveByAgent(state, force).catch(async (error: unknown) => {
    if (!(error instanceof WarrenError) || error.code !== 'unavailable' || isRunning(state))
      throw withHint(error);
    const lock = state.lock();
    try {
      const { interfaceName = DEFAULT_INTERFACE, mtu = DEFAULT_MTU } = state.settings() ?? {};
      await removeLeftovers(interfaceName, folder, mtu, createLogger('warn', 'agent'));
      const urls = coordinatorUrls(identity.urls, savedMap(state));
      const isTold = await leaveNetwork({ ...identity, urls }, force).catch((failure: unknown) => {
        throw withHint(failure);
      });
      state.forget();
      return isTold;
    } finally {
      lock.release();
    }
  });
  if (json) return printJson({ left: true, told });
  process.stdout.write(
    told ? 'left the network\n' : 'left the network, but the coordinator does not know it yet\n',
  );
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
