import type { Kysely } from 'kysely';
import type { EngineMigration } from './migration.ts';

/** Layer 2 segments: which a node wishes to be a part of, and which it may be. */
export const segments: EngineMigration = async (db: Kysely<unknown>) => {
  for (const column of ['offered_segments', 'approved_segments']) {
    await db.schema
      .alterTable('nodes')
      .addColumn(column, 'text', (type) => type.notNull().defaultTo('[]'))
      .execute();
  }
};
