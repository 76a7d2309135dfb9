import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import { sql } from '../kysely.ts';
import type { EngineMigration } from './migration.ts';

/** People, what lets them in, their sessions and keys, and which of them made a token. */
export const accounts: EngineMigration = async (db: Kysely<unknown>, kind) => {
  const bytes = kind === 'sqlite' ? sql`blob` : sql`bytea`;
  const key = (column: ColumnDefinitionBuilder) => column.primaryKey();
  const required = (column: ColumnDefinitionBuilder) => column.notNull();
  const unique = (column: ColumnDefinitionBuilder) => column.notNull().unique();
  const ofUser = (column: ColumnDefinitionBuilder) =>
    column.notNull().references('users.id').onDelete('cascade');
  const { schema } = db;

  await schema
    .createTable('users')
    .addColumn('id', 'text', key)
    .addColumn('name', 'text', unique)
    .addColumn('display_name', 'text', required)
    .addColumn('role', 'text', required)
    .addColumn('disabled', 'bigint', required)
    .addColumn('managed', 'bigint', required)
    .addColumn('groups', 'text', required)
    .addColumn('passphrase_hash', 'text')
    .addColumn('sealed_totp', bytes)
    .addColumn('totp_step', 'bigint', required)
    .addColumn('created_at', 'bigint', required)
    .addColumn('last_sign_in_at', 'bigint', required)
    .execute();
  await schema
    .createTable('recovery_codes')
    .addColumn('user_id', 'text', ofUser)
    .addColumn('code_hash', bytes, required)
    .addPrimaryKeyConstraint('recovery_codes_key', ['user_id', 'code_hash'])
    .execute();
  await schema
    .createTable('passkeys')
    .addColumn('id', 'text', key)
    .addColumn('user_id', 'text', ofUser)
    .addColumn('public_key', bytes, required)
    .addColumn('counter', 'bigint', required)
    .addColumn('transports', 'text', required)
    .addColumn('name', 'text', required)
    .addColumn('relying_party', 'text', required)
    .addColumn('created_at', 'bigint', required)
    .addColumn('last_used_at', 'bigint', required)
    .execute();
  await schema
    .createTable('identities')
    .addColumn('issuer', 'text', required)
    .addColumn('subject', 'text', required)
    .addColumn('user_id', 'text', ofUser)
    .addPrimaryKeyConstraint('identities_key', ['issuer', 'subject'])
    .execute();
  await schema
    .createTable('sessions')
    .addColumn('id', 'text', key)
    .addColumn('secret_hash', bytes, unique)
    .addColumn('user_id', 'text', ofUser)
    .addColumn('method', 'text', required)
    .addColumn('address', 'text', required)
    .addColumn('user_agent', 'text', required)
    .addColumn('created_at', 'bigint', required)
    .addColumn('used_at', 'bigint', required)
    .execute();
  await schema.createIndex('sessions_by_user').on('sessions').column('user_id').execute();
  await schema
    .createTable('api_keys')
    .addColumn('id', 'text', key)
    .addColumn('secret_hash', bytes, unique)
    .addColumn('user_id', 'text', ofUser)
    .addColumn('name', 'text', required)
    .addColumn('role', 'text', required)
    .addColumn('scopes', 'text', required)
    .addColumn('expires_at', 'bigint', required)
    .addColumn('created_at', 'bigint', required)
    .addColumn('last_used_at', 'bigint', required)
    .execute();
  await schema
    .createTable('tickets')
    .addColumn('hash', bytes, key)
    .addColumn('kind', 'text', required)
    .addColumn('user_id', 'text', (column) => column.references('users.id').onDelete('cascade'))
    .addColumn('data', 'text', required)
    .addColumn('expires_at', 'bigint', required)
    .execute();
  await schema
    .alterTable('tokens')
    .addColumn('owner', 'text', (column) => column.notNull().defaultTo(''))
    .execute();
  await schema
    .alterTable('nodes')
    .addColumn('owner_groups', 'text', (column) => column.notNull().defaultTo('[]'))
    .execute();
};
