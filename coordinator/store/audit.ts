import type { Database } from './schema.ts';
import type { AuditRow } from './store.ts';

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
    })
    .execute();
}

/** The newest rows first, at most `limit`, those with an id below `before` if it is given. */
export async function listAudit(
  db: Database,
  options: { limit: number; before?: number },
): Promise<(AuditRow & { id: number })[]> {
  let query = db.selectFrom('audit').selectAll().orderBy('id', 'desc').limit(options.limit);
  if (options.before !== undefined) query = query.where('id', '<', options.before);
  const rows = await query.execute();
  return rows.map((row) => ({ ...row, result: row.result as AuditRow['result'] }));
}

/** Text without control characters (PostgreSQL takes no NUL, a log no newline), cut to a sensible length. */
export function oneLine(text: string, length = MAX_TEXT): string {
  return text
    .slice(0, length)
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ');
}
