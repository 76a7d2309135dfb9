import type { Kysely } from 'kysely';
import type { EngineMigration } from './migration.ts';

/**
 * Nodes that wait for approval or were disabled, what tokens demand and who made them, and what a change was from and to in the
 * audit log.
 */
export const standing: EngineMigration = async (db: Kysely<unknown>) => {
  const { schema } = db;
  const add = (table: string, column: string, type: 'text' | 'bigint', standard?: string | number) =>
    schema
      .alterTable(table)
      .addColumn(column, type, (definition) =>
        standard === undefined ? definition : definition.notNull().defaultTo(standard),
      )
      .execute();
  await add('nodes', 'approved', 'bigint', 1);
  await add('nodes', 'disabled', 'bigint', 0);
  await add('tokens', 'max_uses', 'bigint');
  await add('tokens', 'approval', 'bigint', 0);
  await add('tokens', 'description', 'text', '');
  await add('tokens', 'created_by', 'text', '');
  await add('audit', 'before', 'text');
  await add('audit', 'after', 'text');
  await schema.createIndex('audit_by_time').on('audit').column('at').execute();
  await (db as Kysely<{ tokens: { reusable: number; max_uses: number | null } }>)
    .updateTable('tokens')
    .set({ max_uses: 1 })
    .where('reusable', '=', 0)
    .execute();
};
