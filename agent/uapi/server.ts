import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { WarrenError } from '../../shared/errors.ts';
import { wipe } from '../../shared/key.ts';
import type { Logger } from '../../shared/log.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import { parseSet } from './parse-set.ts';
import { printGet } from './print-get.ts';
import { EADDRINUSE, EINVAL, EIO, EPROTO, UapiError } from './uapi-error.ts';

const SOCKET_FOLDER = '/var/run/wireguard';
/** Characters. A configuration of 10,000 peers has some 3 million. */
const MAX_REQUEST = 16 << 20;
const MAX_CONNECTIONS = 64;

/** Where wg(8) looks for the interface. */
export function uapiSocketPath(interfaceName: string): string {
  return `${SOCKET_FOLDER}/${interfaceName}.sock`;
}

/** The cross-platform configuration socket of one interface. */
export class UapiServer {
  readonly path: string;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  readonly #tunnel: Tunnel;
  readonly #log: Logger;

  private constructor(path: string, tunnel: Tunnel, log: Logger) {
    this.path = path;
    this.#tunnel = tunnel;
    this.#log = log;
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /**
   * Listens on /var/run/wireguard/IFNAME.sock, for root only. A socket that a dead process left is replaced; throws `in-use`
   * when a living one answers there.
   */
  static async listen(tunnel: Tunnel, log: Logger): Promise<UapiServer> {
    const path = uapiSocketPath(tunnel.facts.interfaceName);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (existsSync(path)) {
      if (await answers(path)) {
        throw new WarrenError('in-use', `another program serves ${path}`, {
          hint: 'end it, or choose another interface name',
        });
      }
    }
    const server = new UapiServer(path, tunnel, log);
    // Under its name only when it answers: wg(8) removes a socket that is bound and does not listen yet, as a dead program's.
    const unfinished = `${path}.${process.pid}`;
    rmSync(unfinished, { force: true });
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        server.#server.once('error', reject);
        server.#server.listen(unfinished, resolve);
      });
      chmodSync(unfinished, 0o600);
      renameSync(unfinished, path);
    } catch (cause) {
      server.#server.close();
      throw new WarrenError('internal', `cannot listen on ${path}: ${String(cause)}`, { cause });
    } finally {
      process.umask(before);
    }
    return server;
  }

  /** Whether the socket is still in its place; wireguard-go ends when it is not, and so does the tunnel command. */
  isThere(): boolean {
    return existsSync(this.path);
  }

  async close(): Promise<void> {
    rmSync(this.path, { force: true });
    for (const connection of this.#connections) connection.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket);
    let pending = '';
    let working = Promise.resolve();
    socket.setEncoding('utf8');
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('data', (text: string) => {
      // The empty line after a get=1 may come by itself; it asks for nothing.
      pending = (pending + text).replace(/^\n+/, '');
      if (pending.length > MAX_REQUEST) {
        pending = '';
        socket.removeAllListeners('data');
        socket.end(`errno=${-EINVAL}\n\n`, () => socket.destroy());
        return;
      }
      for (let end = requestEnd(pending); end >= 0; end = requestEnd(pending)) {
        const request = pending.slice(0, end);
        pending = pending.slice(end).replace(/^\n+/, '');
        // One after the other: answers come in the order of the requests.
        working = working.then(async () => {
          const answer = await this.#answer(request);
          if (!socket.destroyed) socket.write(answer);
        });
      }
    });
    // What is left over is half a request, and nothing of it was applied.
    socket.on('end', () => void working.then(() => socket.end()));
  }

  async #answer(request: string): Promise<string> {
    try {
      const [operation, ...lines] = request.split('\n').filter((line) => line !== '');
      if (operation === 'get=1') {
        if (lines.length > 0) throw new UapiError(EPROTO, 'get=1 takes no lines');
        return `${await this.#get()}errno=0\n\n`;
      }
      if (operation !== 'set=1') throw new UapiError(EPROTO, 'expected get=1 or set=1');
      const { device, socket } = parseSet(lines);
      try {
        await this.#tunnel.configure(device, socket);
      } finally {
        // The worker has copies of its own.
        if (device.privateKey !== undefined) wipe(device.privateKey);
        for (const peer of device.peers ?? []) if (peer.presharedKey !== undefined) wipe(peer.presharedKey);
      }
      return 'errno=0\n\n';
    } catch (error) {
      const errno = errnoOf(error);
      this.#log.warn(
        { errno, reason: error instanceof Error ? error.message : String(error) },
        'configuration refused',
      );
      return `errno=${-errno}\n\n`;
    }
  }

  async #get(): Promise<string> {
    const snapshot = await this.#tunnel.snapshot();
    const text = printGet(snapshot);
    if (snapshot.device.privateKey !== null) wipe(snapshot.device.privateKey);
    for (const peer of snapshot.device.peers) {
      if (peer.presharedKey !== null) wipe(peer.presharedKey);
    }
    return text;
  }
}

/** The index after the first whole request: `get=1` ends with its line, `set=1` with an empty one. -1 if there is none. */
function requestEnd(text: string): number {
  if (text.startsWith('get=1\n')) return text.startsWith('get=1\n\n') ? 7 : 6;
  const end = text.indexOf('\n\n');
  return end < 0 ? -1 : end + 2;
}

function errnoOf(error: unknown): number {
  if (error instanceof UapiError) return error.errno;
  if (!(error instanceof WarrenError)) return EIO;
  return error.code === 'in-use' ? EADDRINUSE : error.code === 'usage' ? EINVAL : EIO;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
