import { CoordinatorClock } from '../../agent/control/coordinator-clock.ts';
import type { SyncOptions } from '../../agent/control/sync-client.ts';
import type { Identity } from '../../agent/state/records.ts';
import { systemClock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';

/** Of an agent that holds no map yet, by this machine's clock. */
export function syncOptions(
  identity: () => Identity,
  log: Logger,
  { map = null, clock = systemClock }: Partial<Pick<SyncOptions, 'map' | 'clock'>> = {},
): SyncOptions {
  return { identity, map, clock, coordinatorClock: new CoordinatorClock(clock), log };
}
