import { Command } from 'commander';
import { cidr } from '../../shared/arguments.ts';
import { textTable } from '../../shared/text-table.ts';
import { cliActor, type DataOptions, nodeNamed, printJson, withData, withStore } from './options.ts';

export function routesCommand(): Command {
  return new Command('routes')
    .description('networks that nodes offer to carry, and which of them are approved')
    .addCommand(listCommand())
    .addCommand(approvalCommand('approve', 'let a node carry a network that it offers', true))
    .addCommand(approvalCommand('unapprove', 'take an approval back', false));
}

function listCommand(): Command {
  return withData(new Command('list'))
    .description('offered and approved routes')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/coordinator routes list --data /var/lib/warren-coordinator')
    .action(async (options: DataOptions & { json: boolean }) => {
      const nodes = await withStore(options, (store) => store.listNodes());
      const routes = nodes.flatMap((node) =>
        node.offers.routes.map((route) => ({
          node: node.name,
          route,
          approved: node.approvedRoutes.includes(route),
        })),
      );
      if (options.json) printJson(routes);
      else {
        process.stdout.write(
          textTable(
            ['NODE', 'ROUTE', 'STATE'],
            routes.map((route) => [
              route.node,
              route.route,
              route.approved ? 'approved' : 'waits for approval',
            ]),
          ),
        );
      }
    });
}

function approvalCommand(name: string, description: string, approved: boolean): Command {
  return withData(new Command(name))
    .description(description)
    .argument('<node>', 'name or id')
    .argument('<cidr>', 'the network', cidr)
    .addHelpText('after', `\nExample:\n  bin/coordinator routes ${name} router 192.168.10.0/24 --data DIR`)
    .action((nameOrId: string, route: string, options: DataOptions) =>
      withStore(options, async (store) =>
        store.approveRoute((await nodeNamed(store, nameOrId)).id, route, approved, Date.now(), cliActor()),
      ),
    );
}
