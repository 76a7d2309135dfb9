import type { Kysely } from 'kysely';
import type { EngineMigration } from './migration.ts';

/** Members that run plain WireGuard, with the file that each was given last; which agents can be dialled by them. */
export const devices: EngineMigration = async (db: Kysely<unknown>) => {
  const { schema } = db;
  await schema.alterTable('nodes').addColumn('device', 'text').execute();
  await schema
    .alterTable('nodes')
    .addColumn('reachable_endpoints', 'text', (column) => column.notNull().defaultTo('[]'))
    .execute();
  await schema
    .alterTable('nodes')
    .addColumn('accepts_routes', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
};
