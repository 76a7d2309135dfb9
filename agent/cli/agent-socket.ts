import { State } from '../state/state.ts';

/** The socket of the agent that runs on a state folder. */
export function agentSocket(folder: string): string {
  return State.open(folder, { create: false }).socketPath;
}
