import { Command } from 'commander';
import { withState } from './options.ts';

/** `bin/agent leave`: out of the network for good. A running agent does it and ends; otherwise this process does. */
export function leaveCommand(): Command {
  return withState(new Command('leave'))
    .description('leave the mesh: tells the coordinator, ends the agent, forgets the keys')
    .option('--json', 'print what came of it for programs', false)
    .option('--force', 'forget the keys even if the coordinator cannot be told', false)
    .addHelpText('after', '\nExample:\n  bin/agent leave')
    .action(async (options: { state: string; force: boolean; json: boolean }) => {
      const { leave } = await import('./run-leave.ts');
      await leave(options.state, options.force, options.json);
    });
}
