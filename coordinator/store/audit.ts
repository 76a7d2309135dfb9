import type { Selectable, SelectQueryBuilder } from 'kysely';
import type { Clock } from '../../shared/clock.ts';
import type { Access } from './access.ts';
import type { AuditFilter, AuditRecord, AuditRow, AuditStore } from './contract/audit.ts';
import { sql } from './kysely.ts';
import type { AuditTable, Database, Schema } from './schema.ts';

/** The audit log, over either engine. */
export function sqlAudit({ read, change }: Access): AuditStore {
  return {
    audit: (row) => change((within) => within.audit(row)),
    listAudit: (options) => read((db) => listAudit(db, options)),
  };
}

/** The row of what the coordinator does by itself. */
export function ownDoing(clock: Clock, action: string, target: string): AuditRow {
  return { at: clock.wall(), actor: 'system', source: '', action, target, result: 'ok', detail: '' };
}

/** Longest text of a field; names and reasons come from outside. */
const MAX_TEXT = 1_000;

export async function insertAudit(db: Database, row: AuditRow): Promise<void> {
  await db
    .insertInto('audit')
    .values({
      at: row.at,
      actor: oneLine(row.actor),
      source: oneLine(row.source),
      action: row.action,
      target: oneLine(row.target),
      result: row.result,
      detail: oneLine(row.detail),
      before: toText(row.before),
      after: toText(row.after),
    })
    .execute();
}

/** The newest rows first, at most `limit`, those with an id below `before` if it is given. */
async function listAudit(
  db: Database,
  options: { limit: number; before?: number } & AuditFilter,
): Promise<AuditRecord[]> {
  let query = db.selectFrom('audit').selectAll().orderBy('id', 'desc').limit(options.limit);
  if (options.before !== undefined) query = query.where('id', '<', options.before);
  const rows = await filtered(query, options).execute();
  return rows.map(recordFromRow);
}

type Rows = SelectQueryBuilder<Schema, 'audit', Selectable<AuditTable>>;

function filtered(query: Rows, filter: AuditFilter): Rows {
  let rows = query;
  // Either the whole, or all that begins with it and the sign that divides its parts.
  const parts = [
    ['actor', filter.actor, ':'],
    ['action', filter.action, '.'],
  ] as const;
  for (const [column, value, sign] of parts) {
    if (value === undefined) continue;
    rows = rows.where((where) =>
      where.or([where(column, '=', value), like(column, `${escaped(value + sign)}%`)]),
    );
  }
  if (filter.target !== undefined) {
    rows = rows.where(
      sql<boolean>`lower(target) like ${`%${escaped(filter.target.toLowerCase())}%`} escape '!'`,
    );
  }
  if (filter.result !== undefined) rows = rows.where('result', '=', filter.result);
  if (filter.since !== undefined) rows = rows.where('at', '>=', filter.since);
  if (filter.until !== undefined) rows = rows.where('at', '<', filter.until);
  return rows;
}

function like(column: 'actor' | 'action', pattern: string) {
  return sql<boolean>`${sql.ref(column)} like ${pattern} escape '!'`;
}

function escaped(text: string): string {
  return text.replace(/[!%_]/g, '!$&');
}

function recordFromRow(row: Selectable<AuditTable>): AuditRecord {
  return {
    ...row,
    result: row.result as AuditRow['result'],
    before: fromText(row.before),
    after: fromText(row.after),
  };
}

function toText(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}

function fromText(text: string | null): unknown {
  return text === null ? null : JSON.parse(text);
}

/** Text without control characters (PostgreSQL takes no NUL, a log no newline), cut to a sensible length. */
export function oneLine(text: string, length = MAX_TEXT): string {
  return text
    .slice(0, length)
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ');
}
