import type { Kysely } from 'kysely';
import type { EngineMigration } from './migration.ts';

/** Policies of the network in their order, of which the last counts; the version at which it last changed; owners of nodes. */
export const policies: EngineMigration = async (db: Kysely<unknown>) => {
  await db.schema
    .createTable('policies')
    .addColumn('number', 'bigint', (column) => column.primaryKey())
    .addColumn('document', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('restored_from', 'bigint')
    .execute();
  await db.schema
    .alterTable('network')
    .addColumn('policy_version', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .alterTable('nodes')
    .addColumn('owner', 'text', (column) => column.notNull().defaultTo(''))
    .execute();
};
