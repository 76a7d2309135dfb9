import type { Kysely } from 'kysely';
import { sql } from '../kysely.ts';
import type { EngineMigration } from './migration.ts';

/** What was answered to requests that are to take effect once. */
export const once: EngineMigration = async (db: Kysely<unknown>, kind) => {
  await db.schema
    .createTable('once')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('request', 'text', (column) => column.notNull())
    .addColumn('answer', kind === 'sqlite' ? sql`blob` : sql`bytea`)
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
};
