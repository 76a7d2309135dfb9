import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import { sql } from '../kysely.ts';
import type { EngineMigration } from './migration.ts';

/** The tables as schema.ts describes them. */
export const initial: EngineMigration = async (db: Kysely<unknown>, kind) => {
  const bytes = kind === 'sqlite' ? sql`blob` : sql`bytea`;
  const id = kind === 'sqlite' ? sql`integer` : sql`bigserial`;
  const key = (column: ColumnDefinitionBuilder) =>
    kind === 'sqlite' ? column.primaryKey().autoIncrement() : column.primaryKey();
  const required = (column: ColumnDefinitionBuilder) => column.notNull();
  const { schema } = db;

  await schema
    .createTable('network')
    .addColumn('id', 'bigint', (column) => column.primaryKey().check(sql`id = 1`))
    .addColumn('epoch', 'text', required)
    .addColumn('prefix4', 'text', required)
    .addColumn('prefix6', 'text', required)
    .addColumn('version', 'bigint', required)
    .addColumn('history_from', 'bigint', required)
    .addColumn('next_slot', 'bigint', required)
    .execute();

  await schema
    .createTable('secrets')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', bytes, required)
    .execute();

  await schema
    .createTable('tokens')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('secret_hash', bytes, (column) => column.notNull().unique())
    .addColumn('reusable', 'bigint', required)
    .addColumn('ephemeral', 'bigint', required)
    .addColumn('tags', 'text', required)
    .addColumn('created_at', 'bigint', required)
    .addColumn('expires_at', 'bigint', required)
    .addColumn('uses', 'bigint', required)
    .addColumn('revoked_at', 'bigint')
    .execute();

  await schema
    .createTable('nodes')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('public_key', 'text', (column) => column.notNull().unique())
    .addColumn('slot', 'bigint', (column) => column.notNull().unique())
    .addColumn('address4', 'text', (column) => column.notNull().unique())
    .addColumn('address6', 'text', (column) => column.notNull().unique())
    .addColumn('endpoints', 'text', required)
    .addColumn('listen_port', 'bigint', required)
    .addColumn('operating_system', 'text', required)
    .addColumn('agent_version', 'text', required)
    .addColumn('offered_routes', 'text', required)
    .addColumn('offered_exit_node', 'bigint', required)
    .addColumn('offered_tags', 'text', required)
    .addColumn('approved_routes', 'text', required)
    .addColumn('exit_node_approved', 'bigint', required)
    .addColumn('tags', 'text', required)
    .addColumn('ephemeral', 'bigint', required)
    .addColumn('online', 'bigint', required)
    .addColumn('created_at', 'bigint', required)
    .addColumn('last_seen_at', 'bigint', required)
    .addColumn('key_expires_at', 'bigint', required)
    .addColumn('version', 'bigint', required)
    .addColumn('view_version', 'bigint', required)
    .execute();
  await schema.createIndex('nodes_by_version').on('nodes').column('version').execute();

  await schema
    .createTable('presence')
    .addColumn('node_id', 'text', (column) => column.notNull().references('nodes.id').onDelete('cascade'))
    .addColumn('instance', 'text', required)
    .addPrimaryKeyConstraint('presence_key', ['node_id', 'instance'])
    .execute();
  await schema.createIndex('presence_by_instance').on('presence').column('instance').execute();

  await schema
    .createTable('certificates')
    .addColumn('id', id, key)
    .addColumn('fingerprint', bytes, (column) => column.notNull().unique())
    .addColumn('node_id', 'text', (column) => column.notNull().references('nodes.id').onDelete('cascade'))
    .addColumn('certificate', bytes, required)
    .addColumn('expires_at', 'bigint', required)
    .execute();
  await schema.createIndex('certificates_by_node').on('certificates').columns(['node_id', 'id']).execute();

  await schema
    .createTable('free_slots')
    .addColumn('slot', 'bigint', (column) => column.primaryKey())
    .addColumn('freed_at_version', 'bigint', required)
    .execute();
  await schema
    .createIndex('free_slots_by_age')
    .on('free_slots')
    .columns(['freed_at_version', 'slot'])
    .execute();

  await schema
    .createTable('removed_nodes')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('version', 'bigint', required)
    .addColumn('removed_at', 'bigint', required)
    .execute();
  await schema.createIndex('removed_nodes_by_version').on('removed_nodes').column('version').execute();

  await schema
    .createTable('audit')
    .addColumn('id', id, key)
    .addColumn('at', 'bigint', required)
    .addColumn('actor', 'text', required)
    .addColumn('source', 'text', required)
    .addColumn('action', 'text', required)
    .addColumn('target', 'text', required)
    .addColumn('result', 'text', required)
    .addColumn('detail', 'text', required)
    .execute();
};
