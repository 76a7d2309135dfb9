import { randomBytes } from 'node:crypto';
import { Command, InvalidArgumentError } from 'commander';
import { collect, duration } from '../../shared/arguments.ts';
import { formatJoinToken } from '../../shared/join-token.ts';
import { textTable } from '../../shared/text-table.ts';
import { canonicalTag } from '../network/tags.ts';
import { sha256 } from '../pki/authority.ts';
import { loadAuthority } from '../pki/secrets.ts';
import { readUrls } from '../urls.ts';
import { cliActor, type DataOptions, printJson, url, withData, withStore } from './options.ts';

interface CreateOptions extends DataOptions {
  reusable: boolean;
  ephemeral: boolean;
  expires: number;
  relay: boolean;
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
  return withData(new Command('create'))
    .description('make a join token and print it; it is shown only this once')
    .option('--reusable', 'good for any number of hosts, until it expires', false)
    .option('--ephemeral', 'hosts that join with it are removed when they have been gone for a while', false)
    .option('--relay', 'admits a relay (`coordinator relay`) and no host', false)
    .option('--expires <duration>', 'how long it is good for', duration, duration('1h'))
    .option('--tag <name>', 'tag of the hosts that join with it; may be repeated', collect(tag))
    .option('--url <url>', 'how agents reach the coordinator, instead of what serve found', collect(url))
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator token create --data /var/lib/warren-coordinator --expires 24h --tag server',
    )
    .action(async (options: CreateOptions) => {
      const token = await withStore(options, async (store) => {
        const now = Date.now();
        const authority = await loadAuthority(store);
        const urls = options.url ?? readUrls(options.data);
        const secret = new Uint8Array(randomBytes(32));
        await store.createToken(
          {
            secretHash: sha256(secret),
            reusable: options.reusable,
            ephemeral: options.ephemeral,
            tags: options.tag ?? [],
            createdAt: now,
            expiresAt: now + options.expires,
            purpose: options.relay ? 'relay' : 'node',
          },
          cliActor(),
        );
        return formatJoinToken({ urls, pin: authority.pin, secret });
      });
      process.stdout.write(`${token}\n`);
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
      const rows = tokens.map((token) => ({
        id: token.id,
        state:
          token.revokedAt !== null
            ? 'revoked'
            : token.expiresAt <= now
              ? 'expired'
              : token.uses > 0 && !token.reusable
                ? 'used'
                : 'good',
        uses: token.uses,
        purpose: token.purpose,
        reusable: token.reusable,
        ephemeral: token.ephemeral,
        tags: token.tags,
        createdAt: new Date(token.createdAt).toISOString(),
        expiresAt: new Date(token.expiresAt).toISOString(),
      }));
      if (options.json) printJson(rows);
      else {
        process.stdout.write(
          textTable(
            ['ID', 'STATE', 'USES', 'KIND', 'TAGS', 'EXPIRES'],
            rows.map((row) => [
              row.id,
              row.state,
              String(row.uses),
              [
                row.purpose === 'relay' ? 'relay' : '',
                row.reusable ? 'reusable' : 'one use',
                row.ephemeral ? 'ephemeral' : '',
              ]
                .filter(Boolean)
                .join(', '),
              row.tags.join(','),
              row.expiresAt,
            ]),
          ),
        );
      }
    });
}

function revokeCommand(): Command {
  return withData(new Command('revoke'))
    .description('make a token useless; hosts that joined with it stay')
    .argument('<id>', 'as token list shows it')
    .addHelpText('after', '\nExample:\n  bin/coordinator token revoke ID --data /var/lib/warren-coordinator')
    .action((id: string, options: DataOptions) =>
      withStore(options, (store) => store.revokeToken(id, Date.now(), cliActor())),
    );
}

function tag(text: string): string {
  const canonical = canonicalTag(text);
  if (canonical === null) throw new InvalidArgumentError('expected a lower-case name such as server.');
  return canonical;
}
