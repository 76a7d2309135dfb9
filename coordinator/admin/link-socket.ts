import { chmodSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { WarrenError } from '../../shared/errors.ts';

/** Where a running `serve` hands out sign-in links, inside the data folder (0700). */
function socketPath(dataFolder: string): string {
  return join(dataFolder, 'admin.sock');
}

/** Throws `in-use` when a living coordinator serves this data folder already. */
export async function refuseSecondCoordinator(dataFolder: string): Promise<void> {
  const answers = await new Promise<boolean>((resolve) => {
    const probe = createConnection(socketPath(dataFolder));
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (!answers) return;
  throw new WarrenError('in-use', `another coordinator is serving ${dataFolder}`, {
    hint: 'stop it first, or give a folder of its own with --data',
  });
}

/**
 * Lets `coordinator admin link` ask the running coordinator for a sign-in link. A Unix socket, 0600: whoever can open it
 * can read the database as well. A socket that exists is a dead one's: see `refuseSecondCoordinator`.
 */
export async function serveLinks(
  dataFolder: string,
  link: () => string,
): Promise<{ close(): Promise<void> }> {
  const path = socketPath(dataFolder);
  rmSync(path, { force: true });
  const server = createServer((incoming, answer) => {
    const good = incoming.method === 'POST' && incoming.url === '/link';
    answer.writeHead(good ? 200 : 404, { 'Content-Type': 'text/plain' });
    answer.end(good ? link() : '');
  });
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    chmodSync(path, 0o600);
  } finally {
    process.umask(before);
  }
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A fresh sign-in link of the coordinator that serves this data folder. Throws `unavailable` when none does. */
export function requestLink(dataFolder: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(
        new WarrenError('unavailable', `no coordinator is serving ${dataFolder}`, {
          hint: `start it with: bin/coordinator serve --data ${dataFolder}`,
          cause,
        }),
      );
    const outgoing = request(
      { socketPath: socketPath(dataFolder), path: '/link', method: 'POST', timeout: 5000 },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => (answer.statusCode === 200 ? resolve(text) : fail(answer.statusCode)));
        answer.on('error', fail);
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 5 s')));
    outgoing.on('error', fail);
    outgoing.end();
  });
}
