import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { type Socket as Connection, createServer, type Server } from 'node:net';
import { WarrenError } from '../../shared/errors.ts';
import { framed, MessageReader } from './upstream.ts';

const DNS_PORT = 53;
/** At a time, and how long one may be silent (RFC 7766 6.2.3), milliseconds. */
const MOST_CONNECTIONS = 64;
const IDLE_TIMEOUT = 10_000;

/** Takes a query and the address that it came from, gives the answer, or null for none. Throws nothing. */
export type Answerer = (query: Uint8Array, byUdp: boolean, from: string) => Promise<Uint8Array | null>;

/** Where DNS is answered, and for whom. */
export interface NameServerOptions {
  /** The first of them that is free. */
  addresses: readonly string[];
  /** Whether somebody at this address may ask. */
  mayAsk: (from: string) => boolean;
  answer: Answerer;
  /** Somebody asked who may not. */
  onForeign: () => void;
}

/** DNS by UDP and TCP at an address of its own. */
export class NameServer {
  readonly address: string;
  readonly #udp: Socket;
  readonly #tcp: Server;
  readonly #connections = new Set<Connection>();

  private constructor(
    address: string,
    udp: Socket,
    tcp: Server,
    { answer, mayAsk, onForeign }: NameServerOptions,
  ) {
    this.address = address;
    this.#udp = udp;
    this.#tcp = tcp;
    udp.on('message', (query, from) => {
      if (mayAsk(from.address)) void this.#answerByUdp(query, from, answer);
      else onForeign();
    });
    // Answers that cannot be sent are lost, as datagrams are.
    udp.on('error', () => {});
    tcp.on('error', () => {});
    tcp.on('connection', (connection) => {
      if (mayAsk(connection.remoteAddress ?? '')) this.#serve(connection, answer);
      else {
        onForeign();
        connection.destroy();
      }
    });
  }

  /** Throws `in-use`, or `permission-denied`. */
  static async open(options: NameServerOptions): Promise<NameServer> {
    const { addresses } = options;
    let last: NodeJS.ErrnoException | null = null;
    for (const address of addresses) {
      const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
      const tcp = createServer();
      tcp.maxConnections = MOST_CONNECTIONS;
      try {
        await listening(udp, () => udp.bind(DNS_PORT, address));
        await listening(tcp, () => tcp.listen(DNS_PORT, address));
        return new NameServer(address, udp, tcp, options);
      } catch (error) {
        last = error as NodeJS.ErrnoException;
        udp.close();
        tcp.close();
      }
    }
    throw new WarrenError(
      last?.code === 'EADDRINUSE' ? 'in-use' : 'permission-denied',
      `DNS cannot be served at ${addresses[0]} (${last?.code})`,
      {
        hint: 'have the DNS server of this host listen on its own addresses only, or use --accept-dns=false',
        cause: last,
      },
    );
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await Promise.all([
      new Promise<void>((resolve) => this.#udp.close(resolve)),
      new Promise<void>((resolve) => this.#tcp.close(() => resolve())),
    ]);
  }

  async #answerByUdp(query: Uint8Array, from: RemoteInfo, answer: Answerer): Promise<void> {
    const message = await answer(query, true, from.address);
    if (message === null) return;
    try {
      this.#udp.send(message, from.port, from.address, () => {});
    } catch {
      // It was closed meanwhile.
    }
  }

  #serve(connection: Connection, answer: Answerer): void {
    this.#connections.add(connection);
    const reader = new MessageReader();
    connection.setTimeout(IDLE_TIMEOUT, () => connection.destroy());
    connection.on('error', () => {});
    connection.on('close', () => this.#connections.delete(connection));
    // One after the other: who sends many waits, and its stream with it.
    let working = Promise.resolve();
    connection.on('data', (chunk) => {
      connection.pause();
      working = working.then(async () => {
        for (const query of reader.take(chunk)) {
          const message = await answer(query, false, connection.remoteAddress ?? '');
          // What is no question ends the connection: nothing after it can be trusted to be one.
          if (message === null) connection.destroy();
          else if (!connection.destroyed) connection.write(framed(message));
        }
        connection.resume();
      });
    });
  }
}

function listening(socket: Socket | Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('listening', () => {
      socket.off('error', reject);
      resolve();
    });
    start();
  });
}
