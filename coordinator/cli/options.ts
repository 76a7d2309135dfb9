import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { WarrenError } from '../../shared/errors.ts';
import { isCoordinatorUrl } from '../../shared/join-token.ts';
import { printJson } from '../../shared/print-json.ts';
import { asCalled } from '../../shared/program-name.ts';
import type { AuditActor } from '../store/contract/audit.ts';
import type { NodeRecord } from '../store/contract/nodes.ts';
import type { Store } from '../store/store.ts';

/** Where a verb finds the coordinator's state. */
export interface DataOptions {
  data: string;
  database?: string;
}

export function withData(command: Command): Command {
  return command
    .requiredOption('--data <dir>', "the coordinator's folder, as given to serve")
    .option('--database <url>', 'postgres://… instead of SQLite in the folder');
}

/** Opens the store for one verb and closes it whatever happens. */
export async function withStore<T>(options: DataOptions, work: (store: Store) => Promise<T>): Promise<T> {
  const { openStore } = await import('../store/open.ts');
  const store = await openStore({
    dataDir: options.data,
    ...(options.database === undefined ? {} : { database: options.database }),
  });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Who runs the verb, for the audit log. */
export function cliActor(): AuditActor {
  return { actor: 'cli', source: `local user ${userInfo().username}` };
}

/** A node by name or id; throws `not-found`. */
export async function nodeNamed(store: Store, nameOrId: string): Promise<NodeRecord> {
  const node = await store.findNode(nameOrId);
  if (node !== null) return node;
  throw new WarrenError('not-found', `there is no node ${JSON.stringify(nameOrId)}`, {
    hint: '`coordinator nodes list` shows those there are',
  });
}

/** The name of an account as it is stored; empty for nobody's. Throws `not-found`. */
export async function ownerNamed(store: Store, name: string | undefined): Promise<string> {
  if (name === undefined) return '';
  const user = await store.accounts.userNamed(name);
  if (user !== null) return user.name;
  throw new WarrenError('not-found', `there is no account ${JSON.stringify(name)}`, {
    hint: '`coordinator admin list` shows those there are',
  });
}

/** A moment, milliseconds since 1970, as tables show it; `-` for 0, which is never. */
export function timeText(at: number): string {
  return at === 0 ? '-' : `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** For verbs that change something: they say in a line what is so now, or print the thing as it is then. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print what came of it for programs', false);
}

/** Says what a verb did: a line for people, or with `--json` a document. */
export function tell({ json }: { json: boolean }, text: string, value: unknown): void {
  if (json) printJson(value);
  else process.stdout.write(`${asCalled(text)}\n`);
}

/** For flags that take the URL of a coordinator or relay. */
export function url(text: string): string {
  if (!isCoordinatorUrl(text)) throw new InvalidArgumentError('expected https://HOST:PORT.');
  return text;
}
