import { Command, Option } from 'commander';
import { printJson } from '../../shared/print-json.ts';
import { asCalled } from '../../shared/program-name.ts';
import { textTable } from '../../shared/text-table.ts';
import type { ExitStatus } from '../exit-keeper.ts';
import { exitWords } from './exit-words.ts';
import { withState } from './options.ts';

interface Options {
  state: string;
  json: boolean;
  allowLan?: 'true' | 'false';
}

/** `bin/agent exit-node`: by whom this host reaches the Internet, while the agent runs and from then on. */
export function exitNodeCommand(): Command {
  return new Command('exit-node')
    .description('by which node this host reaches the Internet')
    .addCommand(listCommand())
    .addCommand(useCommand())
    .addCommand(offCommand());
}

function listCommand(): Command {
  return verb('list', 'exit nodes that this host may use, and the one in use')
    .addHelpText('after', '\nExample:\n  bin/agent exit-node list')
    .action((options: Options) => ask(options, 'exit-nodes'));
}

function useCommand(): Command {
  return verb('use', 'reach the Internet by this node from now on')
    .argument('<node>', 'name or address')
    .addOption(
      new Option(
        '--allow-lan [true|false]',
        'reach private networks that this host is connected to all the same (default: as before)',
      )
        .choices(['true', 'false'])
        .preset('true'),
    )
    .addHelpText(
      'after',
      `
Example:
  bin/agent exit-node use berlin --allow-lan

While that node is away nothing goes to the Internet, until it is back or \`bin/agent exit-node off\`.`,
    )
    .action((name: string, options: Options) =>
      ask(options, 'use-exit-node', {
        name,
        ...(options.allowLan === undefined ? {} : { allowLan: options.allowLan === 'true' }),
      }),
    );
}

function offCommand(): Command {
  return verb('off', "reach the Internet by this host's own networks again")
    .addHelpText('after', '\nExample:\n  bin/agent exit-node off')
    .action((options: Options) => ask(options, 'leave-exit-node'));
}

function verb(name: string, description: string): Command {
  return withState(new Command(name)).description(description).option('--json', 'for programs', false);
}

async function ask(options: Options, what: string, args: unknown = null): Promise<void> {
  const [{ askAgent }, { agentSocket }] = await Promise.all([
    import('../local-api/client.ts'),
    import('./agent-socket.ts'),
  ]);
  const status = await askAgent<ExitStatus>(agentSocket(options.state), what, args);
  if (options.json) printJson(status);
  else process.stdout.write(asCalled(text(status)));
}

function text({ chosen, offered }: ExitStatus): string {
  const head = chosen === null ? 'no exit node is in use\n' : `${chosen.name}: ${exitWords(chosen)}\n`;
  if (offered.length === 0) return `${head}there is none that this host may use\n`;
  const rows = offered.map(({ name, addresses, online }) => [
    name,
    addresses[0] ?? '',
    online ? 'online' : 'offline',
    name === chosen?.name ? 'chosen' : '',
  ]);
  return `${head}\n${textTable(['NODE', 'ADDRESS', 'STATE', ''], rows)}`;
}
