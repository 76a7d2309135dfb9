import { type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import { backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import { describeError, WarrenError } from './errors.ts';
import { HEARTBEAT_INTERVAL, SILENCE_LIMIT } from './heartbeats.ts';
import type { Logger } from './log.ts';
import { rpcError } from './rpc-error.ts';

const TICK = 1_000;

/** A stream and the channel that it is on. */
export interface Connection<Client, Request, Response> {
  client: Client;
  stream: ClientDuplexStream<Request, Response>;
}

/** What whoever keeps a stream to the coordinator says on it, and hears. */
export interface StreamUser<Client, Request, Response> {
  /** All ways to the coordinator, best first; one is taken after the other. */
  urls(): readonly string[];
  open(url: string): Connection<Client, Request, Response>;
  /** What is said first on each stream, before any answer. */
  greeting(): Request[];
  heartbeat(sequence: bigint): Request;
  /** What this throws ends the stream, as a loss. */
  received(response: Response): void;
  /** The coordinator answered, or is lost. */
  connected(isConnected: boolean): void;
  /** A heartbeat was sent: whatever is to be looked at from time to time. */
  beat(): void;
  /** The coordinator no longer knows who this is: the stream is closed, for there is no use in trying again. */
  refused(error: WarrenError): void;
}

/**
 * A stream to the coordinator for as long as the program runs: opens it, keeps it alive, notices when the other end has gone
 * silent, and opens it again after growing and random pauses.
 */
export class KeptStream<Client extends { close(): void }, Request, Response> {
  readonly #user: StreamUser<Client, Request, Response>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #ticker: NodeJS.Timeout;
  #connection: Connection<Client, Request, Response> | null = null;
  /** It has answered. */
  #isConnected = false;
  #failures = 0;
  #urlIndex = 0;
  #lastHeard = 0;
  #lastSent = 0;
  #sequence = 0n;
  #retry: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(user: StreamUser<Client, Request, Response>, clock: Clock, log: Logger) {
    this.#user = user;
    this.#clock = clock;
    this.#log = log;
    this.#ticker = setInterval(() => this.#tick(), TICK);
  }

  /** Whether the coordinator has answered on the present stream. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Whether it has, and what is sent now does not wait behind what it has not taken yet. */
  get isReady(): boolean {
    return this.#isConnected && this.#connection?.stream.writableNeedDrain === false;
  }

  /** Of the present connection; null while there is none. For other calls to the same coordinator. */
  get client(): Client | null {
    return this.#connection?.client ?? null;
  }

  start(): void {
    this.#connect();
  }

  /** Connects anew at once: the stream is by an address that this host no longer has, and silence would tell late. */
  reconnect(): void {
    if (this.#isClosed || (this.#connection === null && this.#retry === null)) return;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#drop();
    this.#isConnected = false;
    this.#failures = 0;
    this.#connect();
  }

  /** After the greeting, also where no answer has come yet; nothing while there is no stream. */
  send(request: Request): void {
    if (this.#connection === null) return;
    this.#lastSent = this.#clock.monotonic();
    this.#connection.stream.write(request);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#ticker);
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#drop();
  }

  #connect(): void {
    if (this.#isClosed) return;
    const urls = this.#user.urls();
    const connection = this.#user.open(urls[this.#urlIndex % urls.length] as string);
    const { stream } = connection;
    this.#connection = connection;
    this.#lastHeard = this.#clock.monotonic();
    const isCurrent = () => this.#connection === connection;
    stream.on('data', (response: Response) => {
      if (isCurrent()) this.#receive(response);
    });
    stream.on('error', (error: ServiceError) => {
      if (isCurrent()) this.#lost(rpcError(error), error.code === status.UNAUTHENTICATED);
    });
    stream.on('end', () => {
      if (isCurrent()) this.#lost(new WarrenError('unavailable', 'the coordinator ended the stream'));
    });
    for (const request of this.#user.greeting()) this.send(request);
  }

  #receive(response: Response): void {
    this.#lastHeard = this.#clock.monotonic();
    this.#failures = 0;
    if (!this.#isConnected) {
      this.#isConnected = true;
      this.#log.info('connected to the coordinator');
      this.#user.connected(true);
    }
    try {
      this.#user.received(response);
    } catch (error) {
      this.#lost(error);
    }
  }

  #tick(): void {
    if (this.#connection === null) return;
    const now = this.#clock.monotonic();
    if (now - this.#lastHeard > SILENCE_LIMIT) {
      this.#lost(new WarrenError('unavailable', 'the coordinator has gone silent'));
    } else if (this.#isConnected && now - this.#lastSent >= HEARTBEAT_INTERVAL) {
      this.#sequence++;
      this.send(this.#user.heartbeat(this.#sequence));
      this.#user.beat();
    }
  }

  #lost(error: unknown, isRefused = false): void {
    this.#drop();
    if (this.#isConnected) {
      this.#isConnected = false;
      this.#user.connected(false);
    }
    if (isRefused && error instanceof WarrenError) {
      this.close();
      this.#user.refused(error);
      return;
    }
    const wait = backoff(this.#failures++, Math.random());
    this.#urlIndex++;
    this.#log.warn({ reason: describeError(error), retryMs: wait }, 'no connection to the coordinator');
    if (!this.#isClosed) this.#retry = setTimeout(() => this.#connect(), wait);
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = null;
    if (connection === null) return;
    // Cancelling reports an error to nobody but us, who no longer listen.
    connection.stream.removeAllListeners();
    connection.stream.on('error', () => {});
    connection.stream.cancel();
    connection.client.close();
  }
}
