import { DEAD_AFTER, HEARTBEAT, HEARTBEAT_RETRY, KEEPALIVE, TRUST } from './constants.ts';
import type { Path } from './path.ts';

/** What is to be done about the path in use. `next`: when to ask again. */
export interface WatchVerdict {
  readonly verdict: 'alive' | 'dead' | 'expired';
  readonly probe: boolean;
  readonly next: number;
}

/**
 * Watches the path in use while there is traffic, since `since`: a probe each HEARTBEAT, more often once one is not
 * answered. Only answers count, for they show that the path works both ways; what merely arrives does not. With 5% loss
 * each way all six probes of the last second must be lost for a false alarm: once in a million heartbeats.
 */
export function watchActive(path: Path, since: number, now: number): WatchVerdict {
  const proven = Math.max(path.provenAt, since);
  // A round trip of more than a second must not look like death; SEC-32 still leaves 3 s.
  const slow = path.roundTrip === Number.POSITIVE_INFINITY ? 0 : path.roundTrip;
  const deadAt = proven + Math.max(DEAD_AFTER, Math.min(HEARTBEAT + 2 * slow, DEAD_AFTER + 800));
  if (now >= deadAt) return { verdict: 'dead', probe: false, next: now };
  const isWaiting = path.lastProbe > path.provenAt && path.lastProbe >= since;
  const retry = Math.max(HEARTBEAT_RETRY, Math.min(1.5 * slow, 600));
  const due = isWaiting ? path.lastProbe + retry : path.provenAt >= since ? path.provenAt + HEARTBEAT : since;
  const probe = now >= due;
  return { verdict: 'alive', probe, next: Math.min(deadAt, probe ? now + retry : due) };
}

/** Watches a path without traffic: kept open by a probe now and then if a NAT may close it, given up when it was silent. */
export function watchIdle(path: Path, keep: boolean, now: number): WatchVerdict {
  const end = path.provenAt + TRUST;
  if (now >= end) return { verdict: 'expired', probe: false, next: now };
  if (!keep) return { verdict: 'alive', probe: false, next: end };
  const due = path.lastProbe > path.provenAt ? path.lastProbe + HEARTBEAT : path.provenAt + KEEPALIVE;
  const probe = now >= due;
  return { verdict: 'alive', probe, next: Math.min(end, probe ? now + HEARTBEAT : due) };
}
