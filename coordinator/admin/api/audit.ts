import { createRoute, z } from '@hono/zod-openapi';
import type { AuditFilter, AuditRecord } from '../../store/contract/audit.ts';
import type { Store } from '../../store/store.ts';
import { answers } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { csvLine } from './csv.ts';
import { formatCursor, Paging, pageOf, parseCursor } from './cursor.ts';
import { Problem } from './problem.ts';
import { isoTime, Time } from './values.ts';

const tags = ['Audit log'];
/** Rows read from the store at a time while all are exported. */
const EXPORT_PAGE = 500;

const Instant = z.iso
  .datetime({ offset: true, error: 'expected a time such as 2026-01-31T12:00:00Z' })
  .transform((text) => Date.parse(text))
  .openapi({ type: 'string', format: 'date-time' });

const Filter = z.object({
  actor: z
    .string()
    .max(256)
    .optional()
    .openapi({ description: 'All of it, or its part before a colon, such as `node`.' }),
  action: z
    .string()
    .max(64)
    .optional()
    .openapi({ description: 'All of it, or its part before the dot, such as `token`.' }),
  target: z.string().max(256).optional().openapi({ description: 'A part of it.' }),
  result: z.enum(['ok', 'refused', 'failed']).optional(),
  since: Instant.optional(),
  until: Instant.optional(),
});

const Entry = z
  .object({
    id: z.int(),
    at: Time,
    actor: z.string().openapi({ description: 'Who did it.' }),
    source: z.string().openapi({ description: 'From where.' }),
    action: z.string(),
    target: z.string(),
    result: z.enum(['ok', 'refused', 'failed']),
    detail: z.string(),
    before: z.unknown().openapi({ description: 'What was changed, as it was; null for nothing.' }),
    after: z.unknown().openapi({ description: 'The same as it became.' }),
  })
  .openapi('AuditEntry');

const list = createRoute({
  method: 'get',
  path: '/audit',
  tags,
  summary: 'List what was done, the newest first',
  request: { query: Paging.extend(Filter.shape) },
  responses: answers(200, 'Rows of the audit log.', pageOf(Entry, 'AuditPage')),
});

const exported = createRoute({
  method: 'get',
  path: '/audit/export',
  tags,
  summary: 'All rows as one file',
  request: { query: Filter.extend({ format: z.enum(['csv', 'json']).default('csv') }) },
  responses: {
    200: {
      description: 'The file, as it is read from the database.',
      content: { 'text/csv': { schema: z.string() }, 'application/json': { schema: z.array(Entry) } },
    },
    '4XX': { description: 'What went wrong.', content: { 'application/problem+json': { schema: Problem } } },
  },
});

/** Who did what, when, from where, and what it was before and after. */
export function addAudit(api: Api, { store, clock }: ApiDependencies): void {
  api.openapi(list, async (context) => {
    const { cursor, limit, ...filter } = context.req.valid('query');
    const before = cursor === undefined ? undefined : (parseCursor(cursor, ['number'])[0] as number);
    // One more than asked for tells whether there is another page.
    const rows = await store.listAudit({
      ...filter,
      limit: limit + 1,
      ...(before === undefined ? {} : { before }),
    });
    const items = rows.slice(0, limit).map(entryView);
    const last = items.at(-1);
    const nextCursor = last !== undefined && rows.length > limit ? formatCursor([last.id]) : null;
    return context.json({ items, nextCursor }, 200);
  });

  api.openapi(exported, (context) => {
    const { format, ...filter } = context.req.valid('query');
    const day = isoTime(clock.wall()).slice(0, 10);
    return new Response(
      ReadableStream.from(format === 'csv' ? csv(store, filter) : json(store, filter)).pipeThrough(
        new TextEncoderStream(),
      ),
      {
        headers: {
          'Content-Type': format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json',
          'Content-Disposition': `attachment; filename="warren-audit-${day}.${format}"`,
        },
      },
    );
  });
}

async function* csv(store: Store, filter: AuditFilter): AsyncGenerator<string> {
  yield csvLine(['id', 'time', 'actor', 'from', 'action', 'target', 'result', 'detail', 'before', 'after']);
  for await (const row of allRows(store, filter)) {
    const { id, at, actor, source, action, target, result, detail, before, after } = row;
    const values = [before, after].map((value) => (value === null ? '' : JSON.stringify(value)));
    yield csvLine([String(id), isoTime(at), actor, source, action, target, result, detail, ...values]);
  }
}

async function* json(store: Store, filter: AuditFilter): AsyncGenerator<string> {
  let separator = '[';
  for await (const row of allRows(store, filter)) {
    yield `${separator}\n${JSON.stringify(entryView(row))}`;
    separator = ',';
  }
  yield separator === '[' ? '[]\n' : '\n]\n';
}

async function* allRows(store: Store, filter: AuditFilter): AsyncGenerator<AuditRecord> {
  let before: number | undefined;
  for (;;) {
    const rows: AuditRecord[] = await store.listAudit({
      ...filter,
      limit: EXPORT_PAGE,
      ...(before === undefined ? {} : { before }),
    });
    yield* rows;
    before = rows.at(-1)?.id;
    if (rows.length < EXPORT_PAGE) return;
  }
}

function entryView({ at, ...row }: AuditRecord) {
  return { ...row, at: isoTime(at), before: row.before ?? null, after: row.after ?? null };
}
