import type { Access } from './access.ts';
import type { OnceRecord, OnceStore } from './contract/once.ts';
import type { Engine } from './engine.ts';

/** Requests that take effect once, over either engine. */
export function sqlOnce({ engine, read }: Access): OnceStore {
  return {
    beginOnce: (id, request, now) => read(() => beginOnce(engine, id, request, now)),
    endOnce: (id, answer) => read(() => endOnce(engine, id, answer)),
  };
}

/** How long a request is remembered that is to take effect once, milliseconds. */
export const ONCE_KEPT = 24 * 60 * 60 * 1000;

/*
 * Bookkeeping about requests and not a change of the network: it gets no version and no audit row, which what the request does
 * has of its own.
 */

/** Null for whoever came first, and is to do it; else what is known of that one. */
async function beginOnce(
  engine: Engine,
  id: string,
  request: string,
  now: number,
): Promise<OnceRecord | null> {
  return engine.writer.transaction().execute(async (tx) => {
    await tx
      .deleteFrom('once')
      .where('created_at', '<', now - ONCE_KEPT)
      .execute();
    const made = await tx
      .insertInto('once')
      .values({ id, request, answer: null, created_at: now })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .execute();
    if (made.length > 0) return null;
    const row = await tx.selectFrom('once').selectAll().where('id', '=', id).executeTakeFirst();
    // What the first one did failed just now and is forgotten: whoever asks again is the first.
    if (row === undefined) return { request, answer: null };
    return { request: row.request, answer: row.answer === null ? null : new Uint8Array(row.answer) };
  });
}

/** Keeps what was answered, or with null forgets that there was a request. */
async function endOnce(engine: Engine, id: string, answer: Uint8Array | null): Promise<void> {
  await (answer === null
    ? engine.writer.deleteFrom('once').where('id', '=', id).execute()
    : engine.writer.updateTable('once').set({ answer }).where('id', '=', id).execute());
}
