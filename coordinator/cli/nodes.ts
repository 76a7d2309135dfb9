import { Command, InvalidArgumentError } from 'commander';
import { collect, duration } from '../../shared/arguments.ts';
import { textTable } from '../../shared/text-table.ts';
import { standingOf } from '../network/standing.ts';
import { canonicalTag } from '../network/tags.ts';
import type { NodePatch, NodeRecord } from '../store/store.ts';
import {
  cliActor,
  type DataOptions,
  nodeNamed,
  printJson,
  timeText,
  withData,
  withStore,
} from './options.ts';

export function nodesCommand(): Command {
  return new Command('nodes')
    .description('the members of the network')
    .addCommand(listCommand())
    .addCommand(renameCommand())
    .addCommand(tagCommand())
    .addCommand(expireCommand())
    .addCommand(standingCommand('approve', 'let a node in that waits for approval', { approved: true }))
    .addCommand(
      standingCommand('disable', 'shut a node out for now; nobody reaches it and it reaches nobody', {
        disabled: true,
      }),
    )
    .addCommand(standingCommand('enable', 'let a node back in that was disabled', { disabled: false }))
    .addCommand(removeCommand());
}

function listCommand(): Command {
  return withData(new Command('list'))
    .description('who has joined')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/coordinator nodes list --data /var/lib/warren-coordinator')
    .action(async (options: DataOptions & { json: boolean }) => {
      const nodes = await withStore(options, (store) => store.listNodes());
      nodes.sort((a, b) => a.name.localeCompare(b.name));
      if (options.json) printJson(nodes.map(nodeForPrograms));
      else {
        process.stdout.write(
          textTable(
            ['NAME', 'ADDRESSES', 'STATE', 'LAST SEEN', 'TAGS', 'KEY EXPIRES'],
            nodes.map((node) => [
              node.name,
              `${node.address4} ${node.address6}`,
              stateOf(node),
              timeText(node.lastSeenAt),
              node.tags.join(','),
              node.keyExpiresAt === 0 ? 'never' : timeText(node.keyExpiresAt),
            ]),
          ),
        );
      }
    });
}

function renameCommand(): Command {
  return withData(new Command('rename'))
    .description('give a node another name')
    .argument('<node>', 'name or id')
    .argument('<name>', 'the new one')
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator nodes rename laptop ada --data /var/lib/warren-coordinator',
    )
    .action((nameOrId: string, name: string, options: DataOptions) =>
      withStore(options, async (store) =>
        store.renameNode((await nodeNamed(store, nameOrId)).id, name, Date.now(), cliActor()),
      ),
    );
}

function tagCommand(): Command {
  return withData(new Command('tag'))
    .description("set a node's tags; without --tag it has none")
    .argument('<node>', 'name or id')
    .option('--tag <name>', 'a tag; may be repeated', collect(tag))
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator nodes tag db1 --tag server --data /var/lib/warren-coordinator',
    )
    .action((nameOrId: string, options: DataOptions & { tag?: string[] }) =>
      withStore(options, async (store) =>
        store.setTags((await nodeNamed(store, nameOrId)).id, options.tag ?? [], Date.now(), cliActor()),
      ),
    );
}

function expireCommand(): Command {
  return withData(new Command('expire'))
    .description("end a node's key, now or later; it joins again with a new token")
    .argument('<node>', 'name or id')
    .option('--in <duration>', 'after this time instead of now', duration)
    .option('--never', 'the key does not expire', false)
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator nodes expire laptop --in 30d --data /var/lib/warren-coordinator',
    )
    .action((nameOrId: string, options: DataOptions & { in?: number; never: boolean }) =>
      withStore(options, async (store) => {
        const now = Date.now();
        const at = options.never ? 0 : now + (options.in ?? 0);
        await store.setKeyExpiry((await nodeNamed(store, nameOrId)).id, at, now, cliActor());
      }),
    );
}

function standingCommand(name: string, description: string, patch: NodePatch): Command {
  return withData(new Command(name))
    .description(description)
    .argument('<node>', 'name or id')
    .addHelpText(
      'after',
      `\nExample:\n  bin/coordinator nodes ${name} laptop --data /var/lib/warren-coordinator`,
    )
    .action((nameOrId: string, options: DataOptions) =>
      withStore(options, async (store) => {
        await store.changeNode((await nodeNamed(store, nameOrId)).id, patch, Date.now(), cliActor());
      }),
    );
}

function removeCommand(): Command {
  return withData(new Command('remove'))
    .description('take a node out of the network for good')
    .argument('<node>', 'name or id')
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator nodes remove laptop --data /var/lib/warren-coordinator',
    )
    .action((nameOrId: string, options: DataOptions) =>
      withStore(options, async (store) =>
        store.removeNode((await nodeNamed(store, nameOrId)).id, Date.now(), cliActor()),
      ),
    );
}

function nodeForPrograms(node: NodeRecord) {
  return {
    id: node.id,
    name: node.name,
    addresses: [node.address4, node.address6],
    publicKey: node.publicKey,
    online: node.online,
    device: node.device !== null,
    approved: node.approved,
    disabled: node.disabled,
    endpoints: node.endpoints,
    tags: node.tags,
    owner: node.owner,
    ownerRole: node.ownerRole,
    offers: node.offers,
    approvedRoutes: node.approvedRoutes,
    exitNodeApproved: node.exitNodeApproved,
    ephemeral: node.ephemeral,
    operatingSystem: node.operatingSystem,
    agentVersion: node.agentVersion,
    createdAt: iso(node.createdAt),
    lastSeenAt: iso(node.lastSeenAt),
    keyExpiresAt: node.keyExpiresAt === 0 ? null : iso(node.keyExpiresAt),
  };
}

function stateOf(node: NodeRecord): string {
  const standing = standingOf(node);
  if (standing === 'unapproved') return 'waits for approval';
  if (standing === 'disabled') return 'disabled';
  // Nobody hears from what runs no agent.
  if (node.device !== null) return 'device';
  return node.online ? 'connected' : 'away';
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
function tag(text: string): string {
  const canonical = canonicalTag(text);
  if (canonical === null) throw new InvalidArgumentError('expected a lower-case name such as server.');
  return canonical;
}
