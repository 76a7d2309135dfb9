import type { Kysely } from 'kysely';
import type { EngineMigration } from './migration.ts';

/** For which of its approved routes a node is preferred to the others that carry them. */
export const preferredRoutes: EngineMigration = async (db: Kysely<unknown>) => {
  await db.schema
    .alterTable('nodes')
    .addColumn('preferred_routes', 'text', (column) => column.notNull().defaultTo('[]'))
    .execute();
};
