import { Command } from 'commander';
import { withState } from './options.ts';

/** `bin/agent netcheck`: what this host's network lets the agent do. It tells what was tried and nothing else. */
export function netcheckCommand(): Command {
  return withState(new Command('netcheck'))
    .description('own endpoints, the kind of NAT, relays, and whether the coordinator can be reached')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/agent netcheck')
    .action(async (options: { state: string; json: boolean }) => {
      const { netcheck } = await import('./run-netcheck.ts');
      await netcheck(options.state, options.json);
    });
}
