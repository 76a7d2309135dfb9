import { Command } from 'commander';
import { cidr } from '../../shared/arguments.ts';
import { printJson } from '../../shared/print-json.ts';
import { textTable } from '../../shared/text-table.ts';
import { overlapWords } from '../network/route-overlaps.ts';
import { type RouteRow, routeTable } from '../network/route-table.ts';
import type { Store } from '../store/store.ts';
import { cliActor, type DataOptions, nodeNamed, withData, withStore } from './options.ts';

export function routesCommand(): Command {
  return new Command('routes')
    .description('networks that nodes offer to carry, and which of them are approved')
    .addCommand(listCommand())
    .addCommand(approvalCommand('approve', 'let a node carry a network that it offers', true))
    .addCommand(approvalCommand('disapprove', 'take an approval back', false).alias('unapprove'))
    .addCommand(preferenceCommand('prefer', 'let a node go before the others that carry a network', true))
    .addCommand(preferenceCommand('unprefer', 'leave the choice of the router to the hosts again', false));
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
  return changeCommand(
    name,
    description,
    (store, nodeId, route) => store.approveRoute(nodeId, route, approved, Date.now(), cliActor()),
    (node, route, row) => approvalText(node, route, row, approved),
  );
}

function preferenceCommand(name: string, description: string, preferred: boolean): Command {
  return changeCommand(
    name,
    description,
    (store, nodeId, route) => store.preferRoute(nodeId, route, preferred, Date.now(), cliActor()),
    (node, route, row) => preferenceText(node, route, row, preferred),
  );
}

function changeCommand(
  name: string,
  description: string,
  change: (store: Store, nodeId: string, route: string) => Promise<void>,
  textOf: (node: string, route: string, row: RouteRow | undefined) => string,
): Command {
  return withData(new Command(name))
    .description(description)
    .argument('<node>', 'name or id')
    .argument('<cidr>', 'the network, as the mesh has it', cidr)
    .option('--json', 'print the route as it is then, for programs', false)
    .addHelpText(
      'after',
      `\nExample:\n  bin/coordinator routes ${name} router 192.168.10.0/24 --data /var/lib/warren-coordinator`,
    )
    .action((nameOrId: string, route: string, options: DataOptions & { json: boolean }) =>
      withStore(options, async (store) => {
        const node = await nodeNamed(store, nameOrId);
        await change(store, node.id, route);
        const row = routeTable(await store.listNodes()).find(
          (each) => each.nodeId === node.id && each.route === route,
        );
        if (options.json) printJson(row ?? null);
        else process.stdout.write(`${textOf(node.name, route, row)}\n`);
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

/** Who is used, and who if that one is away. */
function preferenceText(node: string, route: string, row: RouteRow | undefined, preferred: boolean): string {
  if (!preferred) return `${node} is not preferred for ${route}`;
  const others = row?.alternatives.join(', ') ?? '';
  return `${node} is preferred for ${route}; ${others === '' ? 'nobody else carries it now' : `else it goes by ${others}`}`;
}

function stateOf({ approved, offered, preferred, online }: RouteRow): string {
  if (!approved) return 'waits for approval';
  const words = ['approved', preferred ? 'preferred' : '', offered ? '' : 'not offered now'];
  return [...words, offered && !online ? 'away' : ''].filter(Boolean).join(', ');
}
