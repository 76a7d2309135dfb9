import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { Clock } from '../../shared/clock.ts';
import { PictureFeed } from '../telemetry/picture-feed.ts';
import type { AdminDependencies } from './dependencies.ts';

/** Between two messages to one browser; in groups each costs as much as the network is large. Milliseconds. */
const INTERVAL = 1_000;
const INTERVAL_IN_GROUPS = 5_000;
/** How often agents tell while somebody has the picture before him. */
const WATCH_INTERVAL = 2_000;
const WATCH_INTERVAL_IN_GROUPS = 10_000;
/** A comment this often lets both ends notice a dead connection. */
const KEEPALIVE_INTERVAL = 15_000;

/**
 * The picture of the mesh as server-sent events: `picture`, the whole, and then `change` for what is another than before. `expand`
 * of the query names tags whose machines stand alone. Ends when whoever looks is no longer signed in.
 */
export function meshStream(
  context: Context,
  { nodes, telemetry }: AdminDependencies['mesh'],
  clock: Clock,
  isStillIn: () => boolean | Promise<boolean>,
): Response {
  const expanded = new Set((context.req.query('expand') ?? '').slice(0, 4_096).split(','));
  return streamSSE(context, async (stream) => {
    const time = () => ({ now: clock.wall(), monotonic: clock.monotonic() });
    const feed = new PictureFeed(nodes, telemetry, time, expanded);
    let release = () => {};
    let wasGrouped: boolean | null = null;
    let toldAt = clock.monotonic();
    try {
      while (!stream.aborted && (await isStillIn())) {
        const news = feed.next();
        if (feed.isGrouped !== wasGrouped) {
          release();
          wasGrouped = feed.isGrouped;
          release = telemetry.watch(wasGrouped ? WATCH_INTERVAL_IN_GROUPS : WATCH_INTERVAL, null);
        }
        if (news !== null) {
          toldAt = clock.monotonic();
          await stream.writeSSE({ event: news.event, data: JSON.stringify(news.data) });
        } else if (clock.monotonic() - toldAt >= KEEPALIVE_INTERVAL) {
          toldAt = clock.monotonic();
          await stream.write(': still here\n\n');
        }
        await stream.sleep(wasGrouped ? INTERVAL_IN_GROUPS : INTERVAL);
      }
    } finally {
      release();
      feed.close();
    }
  });
}
