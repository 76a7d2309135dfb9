import { Command } from 'commander';
import { collect } from '../../shared/arguments.ts';
import { WarrenError } from '../../shared/errors.ts';
import { textTable } from '../../shared/text-table.ts';
import { type DnsSettings, parseResolver, parseSplit, parseZone } from '../network/dns-settings.ts';
import { cliActor, type DataOptions, tell, withData, withJson, withStore } from './options.ts';

interface SetOptions extends DataOptions {
  json: boolean;
  zone?: string;
  resolver?: string[];
  split?: string[];
  clearResolvers: boolean;
  clearSplit: boolean;
}

/** How names are resolved in the network. */
export function dnsCommand(): Command {
  return new Command('dns')
    .description("the network's zone, and who answers for other names")
    .addCommand(showCommand())
    .addCommand(setCommand());
}

function showCommand(): Command {
  return withData(new Command('show'))
    .description('zone, resolvers and split domains')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/coordinator dns show --data /var/lib/warren-coordinator')
    .action(async (options: DataOptions & { json: boolean }) => {
      const { dns } = (await withStore(options, (store) => store.network())).settings;
      tell(options, dnsText(dns), dns);
    });
}

function dnsText(dns: DnsSettings): string {
  return textTable(
    ['DOMAIN', 'ANSWERED BY'],
    [
      [dns.zone, 'the agents'],
      ...dns.split.map(({ domain, resolvers }) => [domain, resolvers.join(' ')]),
      ['.', dns.resolvers.join(' ') || "each host's own resolvers"],
    ],
  ).trimEnd();
}

function setCommand(): Command {
  const text = (value: string) => value;
  return withJson(withData(new Command('set')))
    .description('change what is given, and show what is so then; every agent has it within moments')
    .option('--zone <domain>', 'nodes are NAME.DOMAIN')
    .option(
      '--resolver <address>',
      'asked for all other names (may be repeated; replaces those there were)',
      collect(text),
    )
    .option('--clear-resolvers', "other names are up to each host's own resolvers", false)
    .option(
      '--split <domain=resolver>',
      'asked for names in a domain (may be repeated; replaces those there were)',
      collect(text),
    )
    .option('--clear-split', 'no domain has resolvers of its own', false)
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator dns set --split corp.example=10.1.0.53 --data /var/lib/warren-coordinator',
    )
    .action(async (options: SetOptions) => {
      const wanted = wantedChanges(options);
      await withStore(options, async (store) => {
        const { dns } = (await store.network()).settings;
        const changed = { ...dns, ...wanted };
        await store.changeSettings({ dns: changed }, Date.now(), cliActor());
        tell(options, dnsText(changed), changed);
      });
    });
}

function wantedChanges({
  zone,
  resolver,
  split,
  clearResolvers,
  clearSplit,
}: SetOptions): Partial<DnsSettings> {
  if ((clearResolvers && resolver !== undefined) || (clearSplit && split !== undefined)) {
    throw new WarrenError('usage', 'what is set cannot be cleared at the same time');
  }
  const wanted: Partial<DnsSettings> = {
    ...(zone === undefined ? {} : { zone: parseZone(zone) }),
    ...(resolver === undefined ? {} : { resolvers: resolver.map(parseResolver) }),
    ...(clearResolvers ? { resolvers: [] } : {}),
    ...(split === undefined ? {} : { split: parseSplit(split) }),
    ...(clearSplit ? { split: [] } : {}),
  };
  if (Object.keys(wanted).length === 0) {
    throw new WarrenError('usage', 'expected at least one setting, such as --zone corp.example');
  }
  return wanted;
}
