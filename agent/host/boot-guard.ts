import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../../shared/atomic-file.ts';
import { GUARD_FILE } from '../state/state.ts';
import { runCommand } from './run-command.ts';

/**
 * Keeps the rules that keep this host's traffic in, in the agent's folder for as long as an exit node is chosen: at boot, before any
 * network is there, a unit of its own has nft load them (cli/guard-unit.ts), and the agent takes over what stands then as from a
 * killed one.
 */
export function saveBootGuard(stateFolder: string, rules: string): void {
  writeFileAtomically(join(stateFolder, GUARD_FILE), rules);
}

export function forgetBootGuard(stateFolder: string): void {
  rmSync(join(stateFolder, GUARD_FILE), { force: true });
}

/** Whether the host is going down, as systemd says it: other programs may outlive the agent then, and the network as well. */
export async function isShuttingDown(): Promise<boolean> {
  // `is-system-running` ends with a status of its own for any state but one.
  const state = await runCommand('systemctl', ['show', '--property=SystemState', '--value']).catch(() => '');
  return state.trim() === 'stopping';
}
