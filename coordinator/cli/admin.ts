import { Command } from 'commander';
import { requestLink } from '../admin/link-socket.ts';

export function adminCommand(): Command {
  return new Command('admin').description('the admin page').addCommand(
    new Command('link')
      .description('print a link that signs a browser in; it works once, within an hour')
      .requiredOption('--data <dir>', "the coordinator's folder, as given to serve")
      .addHelpText('after', '\nExample:\n  bin/coordinator admin link --data /var/lib/warren-coordinator')
      .action(async (options: { data: string }) => {
        process.stdout.write(`${await requestLink(options.data)}\n`);
      }),
  );
}
