import { Command } from 'commander';
import { textTable } from '../../shared/text-table.ts';
import { cliActor, type DataOptions, nodeNamed, printJson, withData, withStore } from './options.ts';

/** Exit nodes: who offers to carry others' traffic to the Internet, and who may. */
export function exitNodesCommand(): Command {
  return new Command('exit-nodes')
    .description('nodes that offer to carry traffic to the Internet, and which of them may')
    .addCommand(listCommand())
    .addCommand(approvalCommand('approve', 'let a node carry traffic to the Internet', true))
    .addCommand(approvalCommand('disapprove', 'take an approval back', false).alias('unapprove'));
}

function listCommand(): Command {
  return withData(new Command('list'))
    .description('who offers, and who was approved')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/coordinator exit-nodes list --data /var/lib/warren-coordinator')
    .action(async (options: DataOptions & { json: boolean }) => {
      const nodes = await withStore(options, (store) => store.listNodes());
      const exits = nodes
        .filter(({ offers, exitNodeApproved }) => offers.exitNode || exitNodeApproved)
        .map(({ name, offers, exitNodeApproved }) => ({
          node: name,
          offered: offers.exitNode,
          approved: exitNodeApproved,
        }));
      if (options.json) printJson(exits);
      else
        process.stdout.write(
          textTable(
            ['NODE', 'STATE'],
            exits.map((exit) => [exit.node, state(exit)]),
          ),
        );
    });
}

function state({ offered, approved }: { offered: boolean; approved: boolean }): string {
  if (!approved) return 'waits for approval';
  return offered ? 'approved' : 'approved, not offered now';
}

function approvalCommand(name: string, description: string, approved: boolean): Command {
  return withData(new Command(name))
    .description(description)
    .argument('<node>', 'name or id')
    .addHelpText('after', `\nExample:\n  bin/coordinator exit-nodes ${name} berlin --data DIR`)
    .action((nameOrId: string, options: DataOptions) =>
      withStore(options, async (store) =>
        store.approveExitNode((await nodeNamed(store, nameOrId)).id, approved, Date.now(), cliActor()),
      ),
    );
}
