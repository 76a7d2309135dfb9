import { Command } from 'commander';
import { printJson } from '../../shared/print-json.ts';
import { textTable } from '../../shared/text-table.ts';
import { cliActor, type DataOptions, nodeNamed, tell, withData, withJson, withStore } from './options.ts';

/** Layer 2 segments: who asks to be a part of them, and who is. */
export function segmentsCommand(): Command {
  return new Command('segments')
    .description('layer 2 segments that nodes ask to be a part of, and who may')
    .addCommand(listCommand())
    .addCommand(approvalCommand('approve', 'let a node be a part of a segment that it asks for', true))
    .addCommand(approvalCommand('disapprove', 'take an approval back', false).alias('unapprove'));
}

function listCommand(): Command {
  return withData(new Command('list'))
    .description('who asks, and who was approved')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/coordinator segments list --data /var/lib/warren-coordinator')
    .action(async (options: DataOptions & { json: boolean }) => {
      const nodes = await withStore(options, (store) => store.listNodes());
      const parts = nodes.flatMap((node) =>
        node.offeredSegments.map((segment) => ({
          segment,
          node: node.name,
          approved: node.approvedSegments.includes(segment),
        })),
      );
      if (options.json) printJson(parts);
      else {
        process.stdout.write(
          textTable(
            ['SEGMENT', 'NODE', 'STATE'],
            parts.map(({ segment, node, approved }) => [
              segment,
              node,
              approved ? 'approved' : 'waits for approval',
            ]),
          ),
        );
      }
    });
}

function approvalCommand(name: string, description: string, approved: boolean): Command {
  return withJson(withData(new Command(name)))
    .description(description)
    .argument('<node>', 'name or id')
    .argument('<segment>', 'its name')
    .addHelpText(
      'after',
      `\nExample:\n  bin/coordinator segments ${name} router lab --data /var/lib/warren-coordinator`,
    )
    .action((nameOrId: string, segment: string, options: DataOptions & { json: boolean }) =>
      withStore(options, async (store) => {
        const { id, name: node } = await nodeNamed(store, nameOrId);
        await store.approveSegment(id, segment, approved, Date.now(), cliActor());
        tell(options, `${node} is ${approved ? 'a' : 'no'} part of the segment ${segment}`, {
          segment,
          node,
          approved,
        });
      }),
    );
}
