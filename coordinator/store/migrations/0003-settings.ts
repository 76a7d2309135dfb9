import type { Kysely } from 'kysely';
import type { EngineMigration } from './migration.ts';

/** What is set for the network as a whole: JSON, and the version at which it last changed. */
export const settings: EngineMigration = async (db: Kysely<unknown>) => {
  await db.schema
    .alterTable('network')
    .addColumn('settings', 'text', (column) => column.notNull().defaultTo('{}'))
    .execute();
  await db.schema
    .alterTable('network')
    .addColumn('settings_version', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
};
