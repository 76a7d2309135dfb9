/**
 * A function of agent/host as a process of its own, so that a test can run it inside a namespace:
 * `node host-call.ts reconcile JSON`, `node host-call.ts conflicts JSON`. One line of JSON answers: result or error.
 */
import { checkConflicts } from '../../agent/host/conflicts.ts';
import { reconcileInterface } from '../../agent/host/interface.ts';
import { localAddresses } from '../../agent/host/local-addresses.ts';

const [name, json = 'null'] = process.argv.slice(2);
const argument = JSON.parse(json);
const calls: Record<string, () => unknown> = {
  reconcile: () => reconcileInterface(argument),
  conflicts: () => checkConflicts(argument.ranges, argument.name),
  addresses: () => localAddresses(argument.name),
};
try {
  const result = await calls[name as string]?.();
  console.log(JSON.stringify({ result: result ?? null }));
} catch (error) {
  const { code, message, hint } = error as { code?: string; message: string; hint?: string };
  console.log(JSON.stringify({ error: { code, message, hint } }));
}
