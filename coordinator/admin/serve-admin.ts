import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { formatEndpoint } from '../../shared/endpoint.ts';
import { WarrenError } from '../../shared/errors.ts';
import { parseIp } from '../../shared/ip.ts';
import type { Prefix } from '../../shared/prefix.ts';
import { clientNetwork } from './accounts/client-network.ts';
import type { AdminEnvironment } from './actor.ts';
import { isAmong, unmapped } from './connection.ts';

export interface AdminServer {
  /** `http://HOST:PORT` as bound. */
  url: string;
  close(): Promise<void>;
}

/** At once, each with little memory. */
const MAX_CONNECTIONS = 512;
/** So many of them from one address, or the /64 of one: nobody alone can take all. A browser has a few for each page. */
export const MAX_OF_ONE = 128;

/**
 * Serves the admin page on a TCP address. Proxies of `trustedProxies` stand for many, and may have all connections. Throws `in-use`
 * when somebody else has the address.
 */
export async function serveAdmin(
  app: Hono<AdminEnvironment>,
  listen: { host: string; port: number },
  trustedProxies: readonly Prefix[] = [],
): Promise<AdminServer> {
  // Slow and silent clients must not pile up (SEC-60). Node.js looks for them every half minute by default.
  const serverOptions = { connectionsCheckingInterval: 2_000 };
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions }) as Server;
  server.headersTimeout = 10_000;
  // Long enough for a backup on its way here.
  server.requestTimeout = 300_000;
  server.maxConnections = MAX_CONNECTIONS;
  limitEach(server, trustedProxies);
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

function limitEach(server: Server, trustedProxies: readonly Prefix[]): void {
  const counts = new Map<string, number>();
  server.on('connection', (socket) => {
    const address = unmapped(socket.remoteAddress ?? '');
    if (isAmong(trustedProxies, address)) return;
    const network = clientNetwork(address);
    const count = (counts.get(network) ?? 0) + 1;
    if (count > MAX_OF_ONE) {
      socket.destroy();
      return;
    }
    counts.set(network, count);
    socket.once('close', () => {
      const left = (counts.get(network) ?? 1) - 1;
      if (left === 0) counts.delete(network);
      else counts.set(network, left);
    });
  });
}
