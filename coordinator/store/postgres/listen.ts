import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

/** The channel on which coordinators tell each other that something changed. */
export const CHANNEL = 'warren_changes';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2_000;
/** How often the connection is asked whether it lives: a dead server may never say goodbye. */
const CHECK_MS = 5_000;

/**
 * Holds one connection that listens, and opens another whenever it is lost. `changed` is called for every
 * notification, and after every connection, since some may have been missed. Returns what ends it.
 */
export function listenForChanges(settings: pg.ClientConfig, changed: () => void): () => Promise<void> {
  const stop = new AbortController();
  const ended = keepListening(settings, changed, stop.signal);
  return async () => {
    stop.abort();
    await ended;
  };
}

async function keepListening(
  settings: pg.ClientConfig,
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  let wait = FIRST_RETRY_MS;
  while (!signal.aborted) {
    const client = new pg.Client(settings);
    const lost = Promise.withResolvers<void>();
    client.on('error', () => lost.resolve());
    client.on('end', () => lost.resolve());
    client.on('notification', changed);
    const abort = () => lost.resolve();
    signal.addEventListener('abort', abort);
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      wait = FIRST_RETRY_MS;
      // Some may have been missed: before the first LISTEN too, since the store was opened.
      changed();
      const check = setInterval(() => client.query('select 1').catch(() => lost.resolve()), CHECK_MS);
      check.unref();
      await lost.promise;
      clearInterval(check);
    } catch {
      // Away: the store's own queries say so to whoever asks; here it is enough to come back.
    }
    signal.removeEventListener('abort', abort);
    await Promise.race([client.end().catch(() => {}), delay(1_000, undefined, { ref: false })]);
    if (signal.aborted) return;
    await delay(wait, undefined, { signal, ref: false }).catch(() => {});
    wait = Math.min(wait * 2, LAST_RETRY_MS);
  }
}
