import type { Kysely } from 'kysely';
import { sql } from '../kysely.ts';
import type { EngineMigration } from './migration.ts';

/** When whoever has a session last proved who they are, and what their browser got for it. */
export const confirmations: EngineMigration = async (db: Kysely<unknown>, kind) => {
  await db.schema
    .alterTable('sessions')
    .addColumn('confirmed_at', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .alterTable('sessions')
    .addColumn('confirmation_hash', kind === 'sqlite' ? sql`blob` : sql`bytea`)
    .execute();
};
