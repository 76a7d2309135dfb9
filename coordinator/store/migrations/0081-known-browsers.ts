import type { Kysely } from 'kysely';
import type { EngineMigration } from './migration.ts';

/** Which browsers, of those that signed in as a user before, still count as known. */
export const knownBrowsers: EngineMigration = async (db: Kysely<unknown>) => {
  await db.schema
    .alterTable('users')
    .addColumn('browser_epoch', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
};
