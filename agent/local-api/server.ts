import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { describeError, WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { peerUser } from './peer-credentials.ts';

const MAX_REQUEST = 64 * 1024;
const PATIENCE = 10_000;
const MAX_CONNECTIONS = 32;

export type Handlers = Readonly<Record<string, (args: unknown) => Promise<unknown>>>;

/** What a program for metrics asks, such as `curl --unix-socket agent.sock http://agent/metrics`. */
const METRICS_REQUEST = /^GET \/metrics(\?\S*)? HTTP\/1\.[01]\r?$/;

/**
 * The socket that `agent status` and the other verbs talk to: one line of JSON asks `{verb, args}`, one answers. It is 0600 in a
 * folder of 0700, and only root and the agent's own user are served, by what the kernel says of the other end. The caller holds
 * the state folder's lock, so a socket that exists is a dead agent's. To an HTTP request for /metrics it answers what the verb
 * `metrics` gives, as text.
 */
export async function serveLocalApi(
  path: string,
  handlers: Handlers,
  log: Logger,
): Promise<{ close(): Promise<void> }> {
  rmSync(path, { force: true });
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    socket.on('error', () => socket.destroy());
    const user = peerUser(socket);
    if (user !== 0 && user !== process.geteuid?.()) {
      log.warn({ user }, 'a local user without rights was refused');
      // Whatever he sends is read and dropped, so that the answer reaches him; he cannot hold the connection.
      socket.setTimeout(PATIENCE, () => socket.destroy());
      socket.resume();
      socket.end(
        `${JSON.stringify({ error: { code: 'permission-denied', message: 'only root may ask this agent' } })}\n`,
      );
      return;
    }
    serve(socket, handlers);
  });
  server.maxConnections = MAX_CONNECTIONS;
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    chmodSync(path, 0o600);
  } catch (cause) {
    throw new WarrenError('unavailable', `cannot listen on ${path}: ${String(cause)}`, { cause });
  } finally {
    process.umask(before);
  }
  // Of one connection, as when no descriptor is left for it. The agent works on.
  server.on('error', (error) => log.warn({ reason: describeError(error) }, 'a local connection failed'));
  return {
    close: async () => {
      for (const connection of connections) connection.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function serve(socket: Socket, handlers: Handlers): void {
  let text = '';
  let answered = false;
  socket.setEncoding('utf8');
  socket.setTimeout(PATIENCE, () => {
    if (!answered) socket.destroy();
  });
  socket.on('data', (part: string) => {
    if (answered) return;
    text += part;
    const end = text.indexOf('\n');
    if (end < 0 && text.length <= MAX_REQUEST) return;
    answered = true;
    socket.setTimeout(0);
    if (end >= 0 && METRICS_REQUEST.test(text.slice(0, end))) {
      void answerMetrics(socket, handlers);
      return;
    }
    answer(end < 0 ? '' : text.slice(0, end), handlers).then(
      (result) => socket.end(`${JSON.stringify({ result })}\n`),
      (error: unknown) => {
        const code = error instanceof WarrenError ? error.code : 'internal';
        const hint = error instanceof WarrenError ? error.hint : undefined;
        const message = error instanceof WarrenError ? error.message : describeError(error);
        socket.end(`${JSON.stringify({ error: { code, message, hint } })}\n`);
      },
    );
  });
}

async function answerMetrics(socket: Socket, handlers: Handlers): Promise<void> {
  const text = await handlers.metrics?.(null).catch(() => undefined);
  const [status, body] = typeof text === 'string' ? ['200 OK', text] : ['503 Service Unavailable', ''];
  socket.end(
    [
      `HTTP/1.1 ${status}`,
      'Content-Type: text/plain; version=0.0.4; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}

async function answer(line: string, handlers: Handlers): Promise<unknown> {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch (cause) {
    throw new WarrenError('usage', 'the request is not one line of JSON', { cause });
  }
  const { verb, args } = (request ?? {}) as { verb?: unknown; args?: unknown };
  if (typeof verb !== 'string' || !Object.hasOwn(handlers, verb)) {
    throw new WarrenError('usage', `this agent does not know ${JSON.stringify(verb)}`);
  }
  return (handlers[verb] as (args: unknown) => Promise<unknown>)(args);
}
