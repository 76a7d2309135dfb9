import { Command, Option } from 'commander';
import { WarrenError } from '../../shared/errors.ts';
import { textTable } from '../../shared/text-table.ts';
import type { NetworkSettings } from '../network/settings.ts';
import type { NetworkRecord } from '../store/contract/network.ts';
import { cliActor, type DataOptions, tell, withData, withJson, withStore } from './options.ts';

/** What is set for the network as a whole. */
export function networkCommand(): Command {
  return new Command('network')
    .description('ranges and settings of the network as a whole')
    .addCommand(showCommand())
    .addCommand(setCommand());
}

function showCommand(): Command {
  return withData(new Command('show'))
    .description('ranges and settings')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/coordinator network show --data /var/lib/warren-coordinator')
    .action(async (options: DataOptions & { json: boolean }) => {
      tellNetwork(options, await withStore(options, (store) => store.network()));
    });
}

function tellNetwork(options: { json: boolean }, { prefix4, prefix6, settings }: NetworkRecord): void {
  const ranges = [prefix4, prefix6];
  const rows = [
    ['ranges', ranges.join(' ')],
    ['multicast', settings.multicast ? 'on' : 'off'],
  ];
  tell(options, textTable(['SETTING', 'VALUE'], rows).trimEnd(), { ranges, settings });
}

function setCommand(): Command {
  return withJson(withData(new Command('set')))
    .description('change settings, and show them; every agent has them within moments')
    .addOption(
      new Option(
        '--multicast <on|off>',
        'agents pass broadcasts and multicasts on to every peer that is online, so that mDNS and the like work across the mesh',
      ).choices(['on', 'off']),
    )
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator network set --multicast on --data /var/lib/warren-coordinator',
    )
    .action(async (options: DataOptions & { multicast?: 'on' | 'off'; json: boolean }) => {
      const { multicast } = options;
      const wanted: Partial<NetworkSettings> = {
        ...(multicast === undefined ? {} : { multicast: multicast === 'on' }),
      };
      if (Object.keys(wanted).length === 0) {
        throw new WarrenError('usage', 'expected at least one setting, such as --multicast on');
      }
      await withStore(options, async (store) => {
        await store.changeSettings(wanted, Date.now(), cliActor());
        tellNetwork(options, await store.network());
      });
    });
}
