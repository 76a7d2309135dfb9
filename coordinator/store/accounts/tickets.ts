import type { Change } from '../change.ts';
import type { Database } from '../schema.ts';
import type { NewTicket, Ticket, TicketKind } from './accounts.ts';

/** Anybody can have challenges made; the oldest give way, so that they cost a bounded room. */
const MAX_TICKETS = 2_000;

export async function putTicket(change: Change, ticket: NewTicket): Promise<void> {
  const { tx } = change;
  await tx
    .insertInto('tickets')
    .values({
      hash: ticket.hash,
      kind: ticket.kind,
      user_id: ticket.userId,
      data: ticket.data,
      expires_at: ticket.expiresAt,
    })
    .execute();
  const oldest = await tx
    .selectFrom('tickets')
    .select('expires_at')
    .where('kind', '=', ticket.kind)
    .orderBy('expires_at', 'desc')
    .offset(MAX_TICKETS)
    .limit(1)
    .executeTakeFirst();
  if (oldest === undefined) return;
  await tx
    .deleteFrom('tickets')
    .where('kind', '=', ticket.kind)
    .where('expires_at', '<=', oldest.expires_at)
    .execute();
}

export async function goodTicket(
  db: Database,
  kind: TicketKind,
  hash: Uint8Array,
  now: number,
): Promise<Ticket | null> {
  const row = await db
    .selectFrom('tickets')
    .select(['user_id', 'data'])
    .where('hash', '=', hash)
    .where('kind', '=', kind)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return row === undefined ? null : { userId: row.user_id, data: row.data };
}

export async function takeTicket(
  change: Change,
  kind: TicketKind,
  hash: Uint8Array,
  now: number,
): Promise<Ticket | null> {
  const ticket = await goodTicket(change.tx, kind, hash, now);
  if (ticket !== null) await change.tx.deleteFrom('tickets').where('hash', '=', hash).execute();
  return ticket;
}

export async function pruneAccounts(
  change: Change,
  before: { used: number; created: number },
  now: number,
): Promise<void> {
  const { tx } = change;
  await tx
    .deleteFrom('sessions')
    .where((row) => row.or([row('used_at', '<', before.used), row('created_at', '<', before.created)]))
    .execute();
  await tx.deleteFrom('tickets').where('expires_at', '<=', now).execute();
  await tx.deleteFrom('api_keys').where('expires_at', '>', 0).where('expires_at', '<=', now).execute();
}
