import type { Kysely } from 'kysely';
import { sql } from '../kysely.ts';
import type { EngineMigration } from './migration.ts';

/** The role of a machine's user, for policies that name roles. */
export const ownerRoles: EngineMigration = async (db: Kysely<unknown>) => {
  await db.schema
    .alterTable('nodes')
    .addColumn('owner_role', 'text', (column) => column.notNull().defaultTo(''))
    .execute();
  await sql`update nodes set owner_role = coalesce(
    (select role from users where users.name = nodes.owner and users.disabled = 0), '')`.execute(db);
};
