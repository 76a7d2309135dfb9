import { Command, InvalidArgumentError } from 'commander';
import { textTable } from '../../shared/text-table.ts';
import { type DataOptions, printJson, withData, withStore } from './options.ts';

export function auditCommand(): Command {
  return new Command('audit').description('who changed what, and when').addCommand(
    withData(new Command('list'))
      .description('the latest changes, newest first')
      .option('--limit <number>', 'how many', count, 50)
      .option('--json', 'for programs', false)
      .addHelpText(
        'after',
        '\nExample:\n  bin/coordinator audit list --limit 20 --data /var/lib/warren-coordinator',
      )
      .action(async (options: DataOptions & { limit: number; json: boolean }) => {
        const rows = await withStore(options, (store) => store.listAudit({ limit: options.limit }));
        if (options.json) {
          printJson(rows.map((row) => ({ ...row, at: new Date(row.at).toISOString() })));
          return;
        }
        process.stdout.write(
          textTable(
            ['TIME', 'ACTOR', 'FROM', 'ACTION', 'TARGET', 'RESULT', 'DETAIL'],
            rows.map((row) => [
              new Date(row.at).toISOString(),
              row.actor,
              row.source,
              row.action,
              row.target,
              row.result,
              row.detail,
            ]),
          ),
        );
      }),
  );
}

function count(text: string): number {
  const value = Number(text);
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError('expected a number from 1 to 99999.');
  return value;
}
