import { Command, InvalidArgumentError, Option } from 'commander';
import { duration } from '../../shared/arguments.ts';
import { printJson } from '../../shared/print-json.ts';
import { textTable } from '../../shared/text-table.ts';
import type { AuditFilter } from '../store/contract/audit.ts';
import { type DataOptions, timeText, withData, withStore } from './options.ts';

export function auditCommand(): Command {
  return new Command('audit').description('who changed what, and when').addCommand(
    withData(new Command('list'))
      .description('the latest changes, newest first')
      .option('--limit <number>', 'how many', count, 50)
      .option('--actor <name>', 'who, or its part before a colon, such as node')
      .option('--action <name>', 'what, or its part before the dot, such as token')
      .option('--target <text>', 'a part of what it was done to')
      .addOption(new Option('--result <result>', 'what came of it').choices(['ok', 'refused', 'failed']))
      .option('--since <when>', 'a time, or a duration before now such as 2h', when)
      .option('--until <when>', 'the same', when)
      .option('--json', 'for programs: with what it was before and after', false)
      .addHelpText(
        'after',
        '\nExample:\n  bin/coordinator audit list --action token --since 7d --data /var/lib/warren-coordinator',
      )
      .action(async (options: DataOptions & AuditFilter & { limit: number; json: boolean }) => {
        const { limit, actor, action, target, result, since, until } = options;
        const rows = await withStore(options, (store) =>
          store.listAudit({ limit, actor, action, target, result, since, until }),
        );
        if (options.json) {
          printJson(rows.map((row) => ({ ...row, at: new Date(row.at).toISOString() })));
          return;
        }
        process.stdout.write(
          textTable(
            ['TIME', 'ACTOR', 'FROM', 'ACTION', 'TARGET', 'RESULT', 'DETAIL'],
            rows.map((row) => [
              timeText(row.at),
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

function when(text: string): number {
  if (/^\d+[smhd]$/.test(text)) return Date.now() - duration(text);
  const at = Date.parse(text);
  if (Number.isNaN(at))
    throw new InvalidArgumentError('expected 2h, 7d or a time such as 2026-01-31T12:00Z.');
  return at;
}

function count(text: string): number {
  const value = Number(text);
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError('expected a number from 1 to 99999.');
  return value;
}
