import { Command } from 'commander';
import { printJson } from '../../shared/print-json.ts';
import { textTable } from '../../shared/text-table.ts';
import { cliActor, type DataOptions, tell, timeText, withData, withJson, withStore } from './options.ts';

export function relaysCommand(): Command {
  return new Command('relays')
    .description('relays of the network, the coordinator itself among them')
    .addCommand(listCommand())
    .addCommand(removeCommand());
}

function listCommand(): Command {
  return withData(new Command('list'))
    .description('what agents are told of')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/coordinator relays list --data /var/lib/warren-coordinator')
    .action(async (options: DataOptions & { json: boolean }) => {
      const relays = await withStore(options, (store) => store.listRelays());
      if (options.json) printJson(relays);
      else {
        process.stdout.write(
          textTable(
            ['ID', 'NAME', 'URLS', 'LAST STARTED'],
            relays.map((relay) => [relay.id, relay.name, relay.urls.join(' '), timeText(relay.lastSeenAt)]),
          ),
        );
      }
    });
}

function removeCommand(): Command {
  return withJson(withData(new Command('remove')))
    .description('take a relay out of the network; its process ends when it hears of it')
    .argument('<id>', 'as relays list shows it')
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator relays remove RELAY --data /var/lib/warren-coordinator',
    )
    .action(async (id: string, options: DataOptions & { json: boolean }) => {
      await withStore(options, (store) => store.removeRelay(id, Date.now(), cliActor()));
      tell(options, `relay ${id} is removed`, { id });
    });
}
