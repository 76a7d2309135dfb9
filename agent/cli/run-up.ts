import { isDeepStrictEqual } from 'node:util';
import { WarrenError } from '../../shared/errors.ts';
import { createLogger } from '../../shared/log.ts';
import type { LogLevel } from '../../shared/log-levels.ts';
import { exitChoice, isExitItself } from '../exit-keeper.ts';
import { removeExitLeftovers } from '../host/exit-use.ts';
import { restoreHostResolver } from '../host/host-resolver.ts';
import type { ExitChoice } from '../mesh/exit-node.ts';
import { State } from '../state/state.ts';
import type { AdvertisedRoutes } from './advertised-routes.ts';
import { runDaemon } from './run-daemon.ts';

/** Settings that `up` takes in place of those of before, for good. */
export interface UpChanges {
  acceptDns?: boolean;
  advertiseRoutes?: AdvertisedRoutes;
  /** True where the flag stands alone. */
  acceptRoutes?: boolean;
  snat?: boolean;
  siteToSite?: boolean;
  advertiseExitNode?: boolean;
  endpoint?: string[];
  stun?: { host: string; port: number }[];
  /** Null takes it back. */
  metrics?: { host: string; port: number } | null;
  /** `none` takes it back. */
  exitNode?: string;
  exitNodeAllowLan?: 'true' | 'false';
}

/** Runs the agent of a host that has joined before, with the settings of that time but for the changes. */
export async function up(folder: string, logLevel: LogLevel, changes: UpChanges): Promise<void> {
  const state = State.open(folder, { create: false });
  const lock = state.lock();
  try {
    const identity = state.joinedIdentity();
    const saved = state.settings();
    if (saved === null) {
      throw new WarrenError('corrupt', `settings.json is missing in ${folder}`, {
        hint: 'join again with a new token; name and addresses stay',
      });
    }
    const settings = {
      ...saved,
      acceptDns: changes.acceptDns ?? saved.acceptDns,
      advertiseRoutes: changes.advertiseRoutes?.routes ?? saved.advertiseRoutes,
      mappings: changes.advertiseRoutes?.mappings ?? saved.mappings,
      acceptRoutes: changes.acceptRoutes ?? saved.acceptRoutes,
      snat: changes.snat ?? saved.snat,
      siteToSite: changes.siteToSite ?? saved.siteToSite,
      advertiseExitNode: changes.advertiseExitNode ?? saved.advertiseExitNode,
      endpoints: changes.endpoint ?? saved.endpoints,
      stunServers: changes.stun ?? saved.stunServers,
      metrics: changes.metrics === undefined ? saved.metrics : changes.metrics,
      exitNode: exitOf(changes.exitNode, saved.exitNode),
      exitAllowLan:
        changes.exitNodeAllowLan === undefined ? saved.exitAllowLan : changes.exitNodeAllowLan === 'true',
    };
    if (settings.exitNode !== null && settings.advertiseExitNode) throw isExitItself();
    if (!isDeepStrictEqual(settings, saved)) state.saveSettings(settings);
    const log = createLogger(logLevel, 'agent');
    restoreHostResolver(folder, log);
    // Before anything is asked of the coordinator: without an exit node nothing is kept in.
    if (settings.exitNode === null) await removeExitLeftovers(settings.interfaceName, folder);
    await runDaemon(state, identity, settings, log);
  } finally {
    lock.release();
  }
}

function exitOf(wanted: string | undefined, saved: ExitChoice | null): ExitChoice | null {
  if (wanted === undefined || wanted === saved?.name) return saved;
  return exitChoice(wanted);
}
