import { watch } from 'node:fs';
import { dirname } from 'node:path';
import { createLogger } from '../../shared/log.ts';
import type { LogLevel } from '../../shared/log-levels.ts';
import { releaseStartupPages } from '../host/startup-pages.ts';
import type { DriverName } from '../tunnel/commands.ts';
import { Tunnel } from '../tunnel/tunnel.ts';
import { UapiServer } from '../uapi/server.ts';

export interface TunnelCommandOptions {
  driver: DriverName;
  mtu: number;
  workers?: number;
  daemon: boolean;
  logLevel: LogLevel;
}

/** Runs the tunnel in the foreground until a signal, or until its interface or socket is removed. */
export async function run(name: string, options: TunnelCommandOptions): Promise<void> {
  const log = createLogger(options.logLevel, `tunnel ${name}`);
  // Heard from the first moment on: a signal that comes while the tunnel opens ends it with 0 too.
  const stop = Promise.withResolvers<void>();
  process.once('SIGTERM', () => stop.resolve());
  process.once('SIGINT', () => stop.resolve());
  const tunnel = await Tunnel.open(
    {
      driver: options.driver,
      interfaceName: name,
      mtu: options.mtu,
      ...(options.workers === undefined ? {} : { workers: options.workers }),
    },
    (news) => {
      if (news.event === 'device' && news.device.kind !== 'timestamp-sent')
        log.debug({ event: news.device.kind }, 'device');
    },
  );
  let server: UapiServer;
  try {
    server = await UapiServer.listen(tunnel, log);
  } catch (error) {
    await tunnel.close();
    throw error;
  }
  const end = () => void tunnel.close();
  void stop.promise.then(end);
  const endWithoutSocket = () => {
    if (!server.isThere()) end();
  };
  const watcher = watch(dirname(server.path), endWithoutSocket);
  endWithoutSocket();
  releaseStartupPages();
  const { interfaceName, driver, workers, offloads, notes } = tunnel.facts;
  for (const note of notes) log.warn(note);
  const active = Object.entries(offloads)
    .filter(([, on]) => on)
    .map(([offload]) => offload);
  process.stdout.write(
    `${interfaceName} is up: driver ${driver}, workers ${workers}, offloads ${active.join(' ') || 'none'}, socket ${server.path}\n`,
  );
  try {
    await tunnel.closed;
  } finally {
    watcher.close();
    await server.close();
  }
}
