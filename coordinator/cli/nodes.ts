import { Command, InvalidArgumentError } from 'commander';
import { collect, duration } from '../../shared/arguments.ts';
import { printJson } from '../../shared/print-json.ts';
import { textTable } from '../../shared/text-table.ts';
import { standingOf } from '../network/standing.ts';
import { canonicalTag } from '../network/tags.ts';
import type { NodePatch, NodeRecord } from '../store/contract/nodes.ts';
import type { Store } from '../store/store.ts';
import {
  cliActor,
  type DataOptions,
  nodeNamed,
  tell,
  timeText,
  withData,
  withJson,
  withStore,
} from './options.ts';

export function nodesCommand(): Command {
  return new Command('nodes')
    .description('the members of the network')
    .addCommand(listCommand())
    .addCommand(renameCommand())
    .addCommand(tagCommand())
    .addCommand(expireCommand())
    .addCommand(
      standingCommand('approve', 'let a node in that waits for approval', { approved: true }, 'approved'),
    )
    .addCommand(
      standingCommand(
        'disable',
        'shut a node out for now; nobody reaches it and it reaches nobody',
        {
          disabled: true,
        },
        'disabled',
      ),
    )
    .addCommand(
      standingCommand('enable', 'let a node back in that was disabled', { disabled: false }, 'enabled'),
    )
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
  return changeCommand('rename', 'laptop ada')
    .description('give a node another name')
    .argument('<node>', 'name or id')
    .argument('<name>', 'the new one')
    .action((nameOrId: string, name: string, options: ChangeOptions) =>
      change(options, nameOrId, async (store, { id, name: before }) => {
        await store.renameNode(id, name, Date.now(), cliActor());
        return (after) => `${before} is ${after.name} now`;
      }),
    );
}

function tagCommand(): Command {
  return changeCommand('tag', 'db1 --tag server')
    .description("set a node's tags; without --tag it has none")
    .argument('<node>', 'name or id')
    .option('--tag <name>', 'a tag; may be repeated', collect(tag))
    .action((nameOrId: string, options: ChangeOptions & { tag?: string[] }) =>
      change(options, nameOrId, async (store, { id }) => {
        await store.setTags(id, options.tag ?? [], Date.now(), cliActor());
        return ({ name, tags }) => `${name} has ${tags.length === 0 ? 'no tag' : `tags ${tags.join(', ')}`}`;
      }),
    );
}

function expireCommand(): Command {
  return changeCommand('expire', 'laptop --in 30d')
    .description("end a node's key, now or later; it joins again with a new token")
    .argument('<node>', 'name or id')
    .option('--in <duration>', 'after this time instead of now', duration)
    .option('--never', 'the key does not expire', false)
    .action((nameOrId: string, options: ChangeOptions & { in?: number; never: boolean }) =>
      change(options, nameOrId, async (store, { id }) => {
        const now = Date.now();
        await store.setKeyExpiry(id, options.never ? 0 : now + (options.in ?? 0), now, cliActor());
        return ({ name, keyExpiresAt }) => {
          if (keyExpiresAt === 0) return `the key of ${name} does not expire`;
          return keyExpiresAt <= now
            ? `the key of ${name} has expired: it joins again with a new token`
            : `the key of ${name} expires at ${timeText(keyExpiresAt)}`;
        };
      }),
    );
}

function standingCommand(name: string, description: string, patch: NodePatch, is: string): Command {
  return changeCommand(name, 'laptop')
    .description(description)
    .argument('<node>', 'name or id')
    .action((nameOrId: string, options: ChangeOptions) =>
      change(options, nameOrId, async (store, { id }) => {
        await store.changeNode(id, patch, Date.now(), cliActor());
        return (after) => `${after.name} is ${is}`;
      }),
    );
}

function removeCommand(): Command {
  return changeCommand('remove', 'laptop')
    .description('take a node out of the network for good')
    .argument('<node>', 'name or id')
    .action((nameOrId: string, options: ChangeOptions) =>
      change(options, nameOrId, async (store, { id }) => {
        await store.removeNode(id, Date.now(), cliActor());
        return ({ name }) => `${name} is removed`;
      }),
    );
}

interface ChangeOptions extends DataOptions {
  json: boolean;
}

function changeCommand(name: string, example: string): Command {
  return withJson(withData(new Command(name))).addHelpText(
    'after',
    `\nExample:\n  bin/coordinator nodes ${name} ${example} --data /var/lib/warren-coordinator`,
  );
}

/** Changes a node and tells what it is then; one that was removed, what it was. */
function change(
  options: ChangeOptions,
  nameOrId: string,
  work: (store: Store, node: NodeRecord) => Promise<(after: NodeRecord) => string>,
): Promise<void> {
  return withStore(options, async (store) => {
    const before = await nodeNamed(store, nameOrId);
    const textOf = await work(store, before);
    const after = (await store.node(before.id)) ?? before;
    tell(options, textOf(after), nodeForPrograms(after));
  });
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
