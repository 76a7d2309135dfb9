import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { formatEndpoint } from '../../shared/endpoint.ts';
import { WarrenError } from '../../shared/errors.ts';
import { parseIp } from '../../shared/ip.ts';
import type { AdminEnvironment } from './actor.ts';

export interface AdminServer {
  /** `http://HOST:PORT` as bound. */
  url: string;
  close(): Promise<void>;
}

/** Serves the admin page on a TCP address. Throws `in-use` when somebody else has it. */
export async function serveAdmin(
  app: Hono<AdminEnvironment>,
  listen: { host: string; port: number },
): Promise<AdminServer> {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  // Slow and silent clients must not pile up (SEC-60).
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  server.maxConnections = 512;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        new WarrenError(
          cause.code === 'EADDRINUSE' ? 'in-use' : 'internal',
          `the admin page cannot listen on ${listen.host}:${listen.port}: ${cause.code ?? cause.message}`,
          { hint: 'choose another address with --admin HOST:PORT', cause },
        ),
      );
    });
    server.listen(listen.port, listen.host, resolve);
  });
  const bound = server.address() as AddressInfo;
  const address = parseIp(bound.address);
  return {
    url: `http://${address === null ? `${bound.address}:${bound.port}` : formatEndpoint({ address, port: bound.port })}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
