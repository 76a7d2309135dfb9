import { Command } from 'commander';
import { printJson } from '../../shared/print-json.ts';
import { textTable } from '../../shared/text-table.ts';
import type { NodeRecord } from '../store/contract/nodes.ts';
import { cliActor, type DataOptions, nodeNamed, tell, withData, withJson, withStore } from './options.ts';

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
        .map(rowOf);
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

function rowOf({ name, offers, exitNodeApproved }: NodeRecord) {
  return { node: name, offered: offers.exitNode, approved: exitNodeApproved };
}

function approvalCommand(name: string, description: string, approved: boolean): Command {
  return withJson(withData(new Command(name)))
    .description(description)
    .argument('<node>', 'name or id')
    .addHelpText(
      'after',
      `\nExample:\n  bin/coordinator exit-nodes ${name} berlin --data /var/lib/warren-coordinator`,
    )
    .action((nameOrId: string, options: DataOptions & { json: boolean }) =>
      withStore(options, async (store) => {
        const { id } = await nodeNamed(store, nameOrId);
        await store.approveExitNode(id, approved, Date.now(), cliActor());
        const node = await nodeNamed(store, id);
        const away = node.online ? '' : ', as soon as it is connected';
        const text = approved
          ? `${node.name} carries traffic to the Internet${away}`
          : `${node.name} does not carry traffic to the Internet`;
        tell(options, text, rowOf(node));
      }),
    );
}
