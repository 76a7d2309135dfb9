import { createServer } from 'node:http';
import { describeError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
/** The address may be one of the mesh, or another program's for now. */
const RETRY_INTERVAL = 10_000;
const MAX_CONNECTIONS = 16;
const PATIENCE = 10_000;

/**
 * Serves `GET /metrics` on a TCP address, to whoever can reach it: it is there only where the user asked for it. While the address
 * cannot be had it is tried again, for the mesh does not depend on it.
 */
export function serveMetrics(
  listen: { host: string; port: number },
  metrics: () => Promise<string>,
  log: Logger,
): { close(): void } {
  const server = createServer((request, response) => {
    if (
      request.url?.split('?')[0] !== '/metrics' ||
      (request.method !== 'GET' && request.method !== 'HEAD')
    ) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('GET /metrics\n');
      return;
    }
    metrics().then(
      (text) => response.writeHead(200, { 'Content-Type': METRICS_TYPE }).end(text),
      () => response.writeHead(503, { 'Content-Type': 'text/plain' }).end('the tunnel has ended\n'),
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.headersTimeout = PATIENCE;
  server.requestTimeout = PATIENCE;
  let retry: NodeJS.Timeout | null = null;
  const begin = () => server.listen(listen.port, listen.host);
  server.on('error', (error) => {
    log.error(
      { ...listen, reason: describeError(error) },
      'metrics are not served; trying again. Another address: agent up --metrics HOST:PORT',
    );
    retry = setTimeout(begin, RETRY_INTERVAL);
  });
  begin();
  return {
    close: () => {
      if (retry !== null) clearTimeout(retry);
      server.close();
      server.closeAllConnections();
    },
  };
}
