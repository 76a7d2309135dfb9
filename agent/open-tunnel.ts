import { WarrenError } from '../shared/errors.ts';
import type { Logger } from '../shared/log.ts';
import { putHelperThreadsBehind } from './host/helper-threads.ts';
import type { DriverName, TunnelNews, TunnelOptions } from './tunnel/commands.ts';
import { Tunnel } from './tunnel/tunnel.ts';

/**
 * Opens the tunnel by the driver that the user named, or by the best one that this host can: `linux`, else `portable`. Which one
 * it took, and what it does without, is logged.
 */
export async function openTunnel(
  options: Omit<TunnelOptions, 'driver'>,
  wanted: DriverName | null,
  onNews: (news: TunnelNews) => void,
  log: Logger,
): Promise<Tunnel> {
  const tunnel = await openBest(options, wanted, onNews, log);
  putHelperThreadsBehind();
  const { driver, workers, cipher, offloads, notes } = tunnel.facts;
  log.info({ driver, workers, cipher, offloads }, 'the tunnel is open');
  for (const note of notes) log.warn(note);
  return tunnel;
}

async function openBest(
  options: Omit<TunnelOptions, 'driver'>,
  wanted: DriverName | null,
  onNews: (news: TunnelNews) => void,
  log: Logger,
): Promise<Tunnel> {
  const first = wanted ?? (process.platform === 'linux' ? 'linux' : 'portable');
  try {
    return await Tunnel.open({ ...options, driver: first }, onNews);
  } catch (error) {
    const mayFallBack = wanted === null && first === 'linux';
    if (!mayFallBack || !(error instanceof WarrenError) || error.code !== 'unsupported') throw error;
    log.warn({ reason: error.message }, 'the linux driver cannot run here; trying the portable one');
    return await Tunnel.open({ ...options, driver: 'portable' }, onNews);
  }
}
