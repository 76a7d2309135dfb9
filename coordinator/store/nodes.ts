import { WarrenError } from '../../shared/errors.ts';
import type { NodeRecord } from './contract/nodes.ts';
import { nodeFromRow } from './rows.ts';
import type { Database } from './schema.ts';

export async function nodeById(db: Database, id: string): Promise<NodeRecord | null> {
  const row = await db.selectFrom('nodes').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? null : nodeFromRow(row);
}

/** The node of an id. Throws `not-found`. */
export async function requireNode(db: Database, id: string): Promise<NodeRecord> {
  const node = await nodeById(db, id);
  if (node === null) {
    throw new WarrenError('not-found', `there is no node ${JSON.stringify(id)}`, {
      hint: 'list the nodes to see their names',
    });
  }
  return node;
}

/** By id first: a host chooses its name, but no id, and so cannot stand in another's place. */
export async function findNode(db: Database, nameOrId: string): Promise<NodeRecord | null> {
  const byId = await nodeById(db, nameOrId);
  if (byId !== null) return byId;
  const name = nameOrId.toLowerCase();
  const row = await db.selectFrom('nodes').selectAll().where('name', '=', name).executeTakeFirst();
  return row === undefined ? null : nodeFromRow(row);
}

/** All nodes, by name. */
export async function listNodes(db: Database): Promise<NodeRecord[]> {
  const rows = await db.selectFrom('nodes').selectAll().orderBy('name').execute();
  return rows.map(nodeFromRow);
}
