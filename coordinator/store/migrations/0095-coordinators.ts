import type { Kysely } from 'kysely';
import { sql } from '../kysely.ts';
import type { EngineMigration } from './migration.ts';

/**
 * Coordinators of one database: that each is there, and what its agents told of their paths. The second is worth nothing after a crash
 * of the database, whose log it would fill: PostgreSQL keeps none of it.
 */
export const coordinators: EngineMigration = async (db: Kysely<unknown>, kind) => {
  await db.schema
    .createTable('coordinators')
    .addColumn('instance', 'text', (column) => column.primaryKey())
    .addColumn('run', 'text', (column) => column.notNull())
    .addColumn('beat', 'bigint', (column) => column.notNull())
    .addColumn('watches', 'text', (column) => column.notNull())
    .execute();
  const table = db.schema.createTable('told_paths');
  await (kind === 'sqlite' ? table : table.modifyFront(sql`unlogged`))
    .addColumn('instance', 'text', (column) => column.notNull())
    .addColumn('node_id', 'text', (column) => column.notNull())
    .addColumn('peer_id', 'text', (column) => column.notNull())
    .addColumn('round', 'bigint', (column) => column.notNull())
    .addColumn('age', 'bigint', (column) => column.notNull())
    .addColumn('written_at', 'bigint', (column) => column.notNull())
    .addColumn('report', kind === 'sqlite' ? sql`blob` : sql`bytea`)
    .addPrimaryKeyConstraint('told_paths_pkey', ['instance', 'node_id', 'peer_id'])
    .execute();
  await db.schema.createIndex('told_paths_round').on('told_paths').columns(['instance', 'round']).execute();
};
