import { Command } from 'commander';
import { cidr } from '../../shared/arguments.ts';
import { textTable } from '../../shared/text-table.ts';
import { overlapWords } from '../network/route-overlaps.ts';
import { type RouteRow, routeTable } from '../network/route-table.ts';
import { cliActor, type DataOptions, nodeNamed, printJson, withData, withStore } from './options.ts';

export function routesCommand(): Command {
  return new Command('routes')
    .description('networks that nodes offer to carry, and which of them are approved')
    .addCommand(listCommand())
    .addCommand(approvalCommand('approve', 'let a node carry a network that it offers', true))
    .addCommand(approvalCommand('disapprove', 'take an approval back', false).alias('unapprove'));
}

function listCommand(): Command {
  return withData(new Command('list'))
    .description('offered and approved routes, who else carries them, and what overlaps them')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/coordinator routes list --data /var/lib/warren-coordinator')
    .action(async (options: DataOptions & { json: boolean }) => {
      const routes = routeTable(await withStore(options, (store) => store.listNodes()));
      if (options.json) printJson(routes);
      else {
        process.stdout.write(
          textTable(
            ['ROUTE', 'AT THE SITE', 'NODE', 'STATE', 'ALSO BY', 'IN CONFLICT'],
            routes.map((route) => [
              route.route,
              route.sitePrefix ?? '',
              route.node,
              stateOf(route),
              route.alternatives.join(', '),
              route.overlaps.map(overlapWords).join('; '),
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
    .argument('<cidr>', 'the network, as the mesh has it', cidr)
    .option('--json', 'print the route as it is then, for programs', false)
    .addHelpText('after', `\nExample:\n  bin/coordinator routes ${name} router 192.168.10.0/24 --data DIR`)
    .action((nameOrId: string, route: string, options: DataOptions & { json: boolean }) =>
      withStore(options, async (store) => {
        const node = await nodeNamed(store, nameOrId);
        await store.approveRoute(node.id, route, approved, Date.now(), cliActor());
        const row = routeTable(await store.listNodes()).find(
          (each) => each.nodeId === node.id && each.route === route,
        );
        if (options.json) printJson(row ?? null);
        else process.stdout.write(`${approvalText(node.name, route, row, approved)}\n`);
      }),
    );
}

/** What came of it, and what its owner should look at. */
function approvalText(node: string, route: string, row: RouteRow | undefined, approved: boolean): string {
  if (row === undefined || !approved) return `${node} does not carry ${route}`;
  const away = row.online ? '' : ', as soon as it is connected';
  const notes = row.overlaps.map((overlap) => `\n  note: ${route} ${overlapWords(overlap)}`);
  return `${node} carries ${route}${away}${notes.join('')}`;
}

function stateOf({ approved, offered, online }: RouteRow): string {
  if (!approved) return 'waits for approval';
  if (!offered) return 'approved, not offered now';
  return online ? 'approved' : 'approved, away';
}
