import type { Kysely } from 'kysely';
import type { EngineMigration } from './migration.ts';

/** Networks of a site that the mesh reaches under another prefix. */
export const mappedRoutes: EngineMigration = async (db: Kysely<unknown>) => {
  await db.schema
    .alterTable('nodes')
    .addColumn('offered_mappings', 'text', (type) => type.notNull().defaultTo('[]'))
    .execute();
};
