import { chmodSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { type ErrorCode, WarrenError } from '../../shared/errors.ts';

/** Where a running `serve` hands out sign-in links, inside the data folder (0700). */
function socketPath(dataFolder: string): string {
  return join(dataFolder, 'admin.sock');
}

/** For whom a link is to be; null for the first run, or the only owner. */
export interface WantedLink {
  name: string | null;
  /** Whether credentials of before end. */
  reset: boolean;
}

type Answer = { link: string } | { code: ErrorCode; message: string; hint?: string };

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
  link: (wanted: WantedLink) => Promise<string>,
): Promise<{ close(): Promise<void> }> {
  const path = socketPath(dataFolder);
  rmSync(path, { force: true });
  const server = createServer((incoming, answer) => {
    const url = new URL(incoming.url ?? '/', 'http://socket');
    const wanted = { name: url.searchParams.get('name'), reset: url.searchParams.has('reset') };
    const good = incoming.method === 'POST' && url.pathname === '/link';
    (good ? link(wanted) : Promise.reject(new WarrenError('not-found', 'there is nothing here'))).then(
      (text) => answer.end(JSON.stringify({ link: text })),
      (error: unknown) => {
        const known = error instanceof WarrenError;
        const code = known ? error.code : 'internal';
        const told = known
          ? { message: error.message, hint: error.hint }
          : { message: 'making a link failed' };
        answer.writeHead(400, { 'Content-Type': 'application/json' });
        answer.end(JSON.stringify({ code, ...told }));
      },
    );
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

/** A fresh link of the coordinator that serves this data folder. Throws `unavailable` when none does, or what it answers. */
export function requestLink(dataFolder: string, wanted: WantedLink): Promise<string> {
  const path = `/link?${new URLSearchParams({
    ...(wanted.name === null ? {} : { name: wanted.name }),
    ...(wanted.reset ? { reset: '' } : {}),
  })}`;
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(
        new WarrenError('unavailable', `no coordinator is serving ${dataFolder}`, {
          hint: `start it with: bin/coordinator serve --data ${dataFolder}`,
          cause,
        }),
      );
    const outgoing = request(
      { socketPath: socketPath(dataFolder), path, method: 'POST', timeout: 5000 },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => {
          const said = JSON.parse(text) as Answer;
          if ('link' in said) return resolve(said.link);
          reject(
            new WarrenError(said.code, said.message, said.hint === undefined ? {} : { hint: said.hint }),
          );
        });
        answer.on('error', fail);
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 5 s')));
    outgoing.on('error', fail);
    outgoing.end();
  });
}
