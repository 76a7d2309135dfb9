import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { Store } from '../store/store.ts';

/** Between two notices to one browser, so that a busy network does not keep it fetching. Milliseconds. */
const LEAST_INTERVAL = 500;
/** A comment this often lets both ends notice a dead connection, and a session that ended. Milliseconds. */
const KEEPALIVE_INTERVAL = 5_000;
/** How soon a browser comes back that lost the stream, milliseconds. */
const RETRY_INTERVAL = 1_000;

/**
 * A server-sent event `changed` after every change, at most two a second, with the network's version: whoever listens then fetches
 * what it shows. One that comes back (with Last-Event-ID) is told at once, since it may have missed something. Ends when whoever
 * listens is no longer signed in.
 */
export function changeEvents(context: Context, store: Store, isStillIn: () => Promise<boolean>): Response {
  return streamSSE(context, async (stream) => {
    let changed = context.req.header('Last-Event-ID') !== undefined;
    let wake: () => void = () => {};
    const unsubscribe = store.onChange(() => {
      changed = true;
      wake();
    });
    stream.onAbort(() => {
      unsubscribe();
      wake();
    });
    try {
      await stream.write(`retry: ${RETRY_INTERVAL}\n\n`);
      // While the database is away nobody can tell: what is said here is no secret.
      while (!stream.aborted && (await isStillIn().catch(() => true))) {
        if (changed) {
          changed = false;
          await tell(stream, store);
          await stream.sleep(LEAST_INTERVAL);
          continue;
        }
        const isDue = await new Promise<boolean>((resolve) => {
          const timer = setTimeout(() => resolve(true), KEEPALIVE_INTERVAL);
          wake = () => {
            clearTimeout(timer);
            resolve(false);
          };
        });
        if (isDue && !stream.aborted) await stream.write(': still here\n\n');
      }
    } finally {
      unsubscribe();
    }
  });
}

/** While the database is away there is no version to tell, but something to fetch all the same: the page then says so. */
async function tell(stream: SSEStreamingApi, store: Store): Promise<void> {
  const version = await store.network().then(
    (network) => network.version,
    () => null,
  );
  const id = version === null ? {} : { id: String(version) };
  await stream.writeSSE({ event: 'changed', data: JSON.stringify({ version }), ...id });
}
