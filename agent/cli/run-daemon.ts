import type { Logger } from '../../shared/log.ts';
import { Daemon } from '../daemon/daemon.ts';
import type { Identity, Settings } from '../state/records.ts';
import type { State } from '../state/state.ts';
import { noticeLines } from './notice-lines.ts';

/** Runs the agent in the foreground until SIGTERM or SIGINT, or until it ends by itself; throws why if that was a failure. */
export async function runDaemon(
  state: State,
  identity: Identity,
  settings: Settings,
  log: Logger,
): Promise<void> {
  const daemon = new Daemon({
    state,
    identity,
    settings,
    log,
    onUp: ({ interfaceName, driver, workers, offloads }, port) => {
      const active = Object.entries(offloads)
        .filter(([, on]) => on)
        .map(([offload]) => offload);
      process.stdout.write(
        `mesh is up\n  interface ${interfaceName}, UDP port ${port}, driver ${driver}, workers ${workers}, offloads ${active.join(' ') || 'none'}\n`,
      );
    },
    onNotices: (before, now) => {
      for (const line of noticeLines(before, now)) process.stdout.write(`${line}\n`);
    },
  });
  const stop = () => daemon.stop();
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.stdout.write(`joined ${identity.name} with ${identity.addresses.join(' ')}\n`);
  try {
    await daemon.start();
    const end = await daemon.ended;
    if (end.kind === 'failed') throw end.error;
    if (end.kind === 'left') {
      state.forget();
      process.stdout.write('left the network; the keys are forgotten\n');
    }
  } finally {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
  }
}
