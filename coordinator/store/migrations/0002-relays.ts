import type { Kysely } from 'kysely';
import type { EngineMigration } from './migration.ts';

/** Relays beside the coordinator, tokens that admit them, and the relay that each node stays connected to. */
export const relays: EngineMigration = async (db: Kysely<unknown>) => {
  const { schema } = db;
  await schema
    .createTable('relays')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('urls', 'text', (column) => column.notNull())
    .addColumn('tls_name', 'text', (column) => column.notNull())
    .addColumn('stun_servers', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_seen_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .alterTable('network')
    .addColumn('relays_version', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await schema
    .alterTable('tokens')
    .addColumn('purpose', 'text', (column) => column.notNull().defaultTo('node'))
    .execute();
  await schema
    .alterTable('nodes')
    .addColumn('home_relay', 'text', (column) => column.notNull().defaultTo(''))
    .execute();
};
