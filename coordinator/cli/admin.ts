import { Command } from 'commander';
import { printJson } from '../../shared/print-json.ts';
import { textTable } from '../../shared/text-table.ts';
import { LINK_LIFETIME } from '../admin/accounts/links.ts';
import { requestLink } from '../admin/link-socket.ts';
import { type DataOptions, tell, timeText, withData, withJson, withStore } from './options.ts';

const DATA: [string, string] = ['--data <dir>', "the coordinator's folder, as given to serve"];
const EXAMPLE = (verb: string) =>
  `\nExample:\n  bin/coordinator admin ${verb} --data /var/lib/warren-coordinator`;

export function adminCommand(): Command {
  return new Command('admin')
    .description('the people who administer the network')
    .addCommand(linkCommand())
    .addCommand(listCommand())
    .addCommand(resetCommand());
}

function linkCommand(): Command {
  return withJson(new Command('link'))
    .description(
      `print a link, good once: for the first account while there is no owner (within an hour), later for setting a new passphrase (within ${LINK_LIFETIME})`,
    )
    .argument('[name]', 'whose passphrase; needed where there are several owners')
    .requiredOption(...DATA)
    .addHelpText('after', EXAMPLE('link ada'))
    .action(async (name: string | undefined, options: { data: string; json: boolean }) => {
      const link = await requestLink(options.data, { name: name ?? null, reset: false });
      tell(options, link, { link });
    });
}

function listCommand(): Command {
  return withData(new Command('list'))
    .description('list accounts')
    .option('--json', 'for programs', false)
    .addHelpText('after', EXAMPLE('list'))
    .action(async (options: DataOptions & { json: boolean }) => {
      const users = await withStore(options, (store) => store.accounts.listUsers());
      if (options.json) {
        return printJson(
          users.map((user) => ({
            ...user,
            createdAt: new Date(user.createdAt).toISOString(),
            lastSignInAt: user.lastSignInAt === 0 ? null : new Date(user.lastSignInAt).toISOString(),
          })),
        );
      }
      if (users.length === 0) {
        tell(options, 'no accounts yet: `coordinator admin link` prints a link for the first', []);
        return;
      }
      const rows = users.map((user) => [
        user.name,
        user.displayName,
        user.disabled ? `${user.role}, disabled` : user.role,
        [user.hasPassphrase ? 'passphrase' : '', user.hasTotp ? 'TOTP' : '', user.isManaged ? 'provider' : '']
          .filter(Boolean)
          .join(', '),
        user.lastSignInAt === 0 ? 'never' : timeText(user.lastSignInAt),
      ]);
      process.stdout.write(textTable(['NAME', 'FULL NAME', 'ROLE', 'SIGNS IN BY', 'LAST TIME'], rows));
    });
}

function resetCommand(): Command {
  return withJson(new Command('reset'))
    .description(
      "take an account's passphrase, second factor, passkeys and sessions away, enable it, and print a link for a new passphrase",
    )
    .argument('<name>', 'whose account')
    .requiredOption(...DATA)
    .addHelpText('after', EXAMPLE('reset ada'))
    .action(async (name: string, options: { data: string; json: boolean }) => {
      const link = await requestLink(options.data, { name, reset: true });
      tell(options, link, { link });
    });
}
