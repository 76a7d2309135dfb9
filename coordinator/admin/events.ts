import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { Store } from '../store/store.ts';

/** Between two notices to one browser, so that a busy network does not keep it fetching. Milliseconds. */
const LEAST_INTERVAL = 500;
/** A comment this often lets both ends notice a dead connection. Milliseconds. */
const KEEPALIVE_INTERVAL = 15_000;

/** A server-sent event `changed` after every change, at most two a second; the page then fetches what it shows. */
export function changeEvents(context: Context, store: Store, stillSignedIn: () => boolean): Response {
  return streamSSE(context, async (stream) => {
    let changed = false;
    let wake: () => void = () => {};
    const unsubscribe = store.onChange(() => {
      changed = true;
      wake();
    });
    stream.onAbort(() => {
      unsubscribe();
      wake();
    });
    while (!stream.aborted && stillSignedIn()) {
      if (!changed) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, KEEPALIVE_INTERVAL);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      if (stream.aborted) break;
      if (changed) {
        changed = false;
        await stream.writeSSE({ event: 'changed', data: '' });
        await stream.sleep(LEAST_INTERVAL);
      } else {
        await stream.write(': still here\n\n');
      }
    }
    unsubscribe();
  });
}
