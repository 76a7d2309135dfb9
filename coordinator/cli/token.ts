import { Command, InvalidArgumentError, Option } from 'commander';
import { collect, duration } from '../../shared/arguments.ts';
import { printJson } from '../../shared/print-json.ts';
import { textTable } from '../../shared/text-table.ts';
import { makeToken, tokenState } from '../enrolment.ts';
import { canonicalTag } from '../network/tags.ts';
import { authorityPin } from '../pki/stored-authority.ts';
import type { TokenRecord } from '../store/contract/tokens.ts';
import { readUrls, withOtherCoordinators } from '../urls.ts';
import {
  cliActor,
  type DataOptions,
  ownerNamed,
  tell,
  timeText,
  url,
  withData,
  withJson,
  withStore,
} from './options.ts';

interface CreateOptions extends DataOptions {
  json: boolean;
  reusable: boolean;
  ephemeral: boolean;
  expires: number;
  relay: boolean;
  uses?: number;
  approval: boolean;
  description?: string;
  owner?: string;
  tag?: string[];
  url?: string[];
}

export function tokenCommand(): Command {
  return new Command('token')
    .description('join tokens: make, list, revoke')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(revokeCommand());
}

function createCommand(): Command {
  return withJson(withData(new Command('create')))
    .description('make a join token and print it; it is shown only this once')
    .option('--reusable', 'good for any number of hosts, until it expires', false)
    .addOption(
      new Option('--uses <number>', 'good for so many hosts instead of one')
        .argParser(useCount)
        .conflicts('reusable'),
    )
    .option('--approval', 'hosts that join with it wait until an administrator approves them', false)
    .option('--description <text>', 'what it is for')
    .option(
      '--owner <user>',
      'the account whose machines they become, for the policy (admin list shows them)',
    )
    .option('--ephemeral', 'hosts that join with it are removed when they have been gone for a while', false)
    .option('--relay', 'admits a relay (`coordinator relay`) and no host', false)
    .addOption(
      new Option('--expires <duration>', 'how long it is good for')
        .argParser(duration)
        .default(duration('1h'), '1h'),
    )
    .option('--tag <name>', 'tag of the hosts that join with it; may be repeated', collect(tag))
    .option('--url <url>', 'how agents reach the coordinator, instead of what serve found', collect(url))
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator token create --data /var/lib/warren-coordinator --expires 24h --tag server',
    )
    .action(async (options: CreateOptions) => {
      const { text, record } = await withStore(options, async (store) => {
        const now = Date.now();
        const pin = await authorityPin(store);
        const urls = options.url ?? withOtherCoordinators(readUrls(options.data), await store.listRelays());
        return makeToken(
          store,
          { urls, pin },
          {
            reusable: options.reusable,
            ...(options.uses === undefined ? {} : { maxUses: options.uses }),
            approval: options.approval,
            description: options.description ?? '',
            ephemeral: options.ephemeral,
            tags: options.tag ?? [],
            createdAt: now,
            expiresAt: now + options.expires,
            purpose: options.relay ? 'relay' : 'node',
            owner: await ownerNamed(store, options.owner),
          },
          cliActor(),
        );
      });
      tell(options, text, { ...tokenForPrograms(record, Date.now()), token: text });
    });
}

function listCommand(): Command {
  return withData(new Command('list'))
    .description('tokens and what became of them; never their secrets')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/coordinator token list --data /var/lib/warren-coordinator')
    .action(async (options: DataOptions & { json: boolean }) => {
      const tokens = await withStore(options, (store) => store.listTokens());
      const now = Date.now();
      const rows = tokens.map((token) => tokenForPrograms(token, now));
      if (options.json) printJson(rows);
      else {
        process.stdout.write(
          textTable(
            ['ID', 'STATE', 'USES', 'KIND', 'TAGS', 'EXPIRES', 'DESCRIPTION'],
            rows.map((row) => [
              row.id,
              row.state,
              String(row.uses),
              [
                row.purpose === 'relay' ? 'relay' : '',
                row.maxUses === null ? 'reusable' : row.maxUses === 1 ? 'one use' : `${row.maxUses} uses`,
                row.ephemeral ? 'ephemeral' : '',
                row.approval ? 'approval' : '',
              ]
                .filter(Boolean)
                .join(', '),
              row.tags.join(','),
              timeText(Date.parse(row.expiresAt)),
              row.description,
            ]),
          ),
        );
      }
    });
}

function tokenForPrograms(token: TokenRecord, now: number) {
  return {
    id: token.id,
    state: tokenState(token, now),
    uses: token.uses,
    maxUses: token.maxUses,
    purpose: token.purpose,
    reusable: token.reusable,
    ephemeral: token.ephemeral,
    approval: token.approval,
    tags: token.tags,
    description: token.description,
    createdBy: token.createdBy,
    createdAt: new Date(token.createdAt).toISOString(),
    expiresAt: new Date(token.expiresAt).toISOString(),
  };
}

function revokeCommand(): Command {
  return withJson(withData(new Command('revoke')))
    .description('make a token useless; hosts that joined with it stay')
    .argument('<id>', 'as token list shows it')
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator token revoke TOKEN_ID --data /var/lib/warren-coordinator',
    )
    .action(async (id: string, options: DataOptions & { json: boolean }) => {
      await withStore(options, (store) => store.revokeToken(id, Date.now(), cliActor()));
      tell(options, `token ${id} is revoked`, { id, state: 'revoked' });
    });
}

function useCount(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('expected a number from 1 to 999999.');
  return Number(text);
}

function tag(text: string): string {
  const canonical = canonicalTag(text);
  if (canonical === null) throw new InvalidArgumentError('expected a lower-case name such as server.');
  return canonical;
}
