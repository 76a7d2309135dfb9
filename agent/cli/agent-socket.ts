import { existsSync } from 'node:fs';
import { State } from '../state/state.ts';

/** The socket of the agent that runs on a state folder. Throws `not-found` for a host that has not joined, or has left. */
export function agentSocket(folder: string): string {
  const state = State.open(folder, { create: false });
  // The folder outlives `leave`.
  if (!existsSync(state.socketPath)) state.joinedIdentity();
  return state.socketPath;
}
