import { type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import type { RelayControlClient, RelayOrder, RelayReport } from '../../proto/gen/warren.ts';
import { backoff } from '../../shared/backoff.ts';
import { isRenewalDue } from '../../shared/certificate-life.ts';
import { certificateRequest } from '../../shared/certificate-request.ts';
import type { Clock } from '../../shared/clock.ts';
import { describeError, WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { rpcError } from '../../shared/rpc-error.ts';
import { NEWEST_PROTOCOL_VERSION } from '../../shared/version.ts';
import { HEARTBEAT_INTERVAL, SILENCE_LIMIT } from '../grpc/sync-stream.ts';
import type { RelayFacts } from '../store/store.ts';
import { call, controlClient } from './control-channel.ts';
import type { RelayIdentity } from './relay-identity.ts';

const TICK = 1_000;
/** Least time between two tries to renew the certificate. */
const RENEWAL_INTERVAL = 10 * 60_000;

export interface ControlCallbacks {
  onOrder(order: NonNullable<RelayOrder['message']>): void;
  /** The coordinator no longer knows this relay: there is no use in trying again. */
  onRefused(error: WarrenError): void;
  /** A fresh certificate, to be kept and shown. */
  onIdentity(identity: RelayIdentity): void;
}

/** Keeps a relay on a host of its own in touch with its coordinator, coming back with growing and random pauses. */
export class ControlClient {
  readonly #facts: RelayFacts;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #callbacks: ControlCallbacks;
  readonly #ticker: NodeJS.Timeout;
  #identity: RelayIdentity;
  #client: RelayControlClient | null = null;
  #stream: ClientDuplexStream<RelayReport, RelayOrder> | null = null;
  #connected = false;
  #failures = 0;
  #urlIndex = 0;
  #lastHeard = 0;
  #lastSent = 0;
  #sequence = 0n;
  #retry: NodeJS.Timeout | null = null;
  #closed = false;
  /** On the monotonic clock. */
  #nextRenewal = 0;

  constructor(
    identity: RelayIdentity,
    facts: RelayFacts,
    clock: Clock,
    log: Logger,
    callbacks: ControlCallbacks,
  ) {
    this.#identity = identity;
    this.#facts = facts;
    this.#clock = clock;
    this.#log = log;
    this.#callbacks = callbacks;
    this.#ticker = setInterval(() => this.#tick(), TICK);
  }

  start(): void {
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#ticker);
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#drop();
  }

  #connect(): void {
    if (this.#closed) return;
    const { urls, caCertificate } = this.#identity;
    const url = urls[this.#urlIndex % urls.length] as string;
    const client = controlClient(url, Buffer.from(caCertificate, 'base64'), this.#identity);
    const stream = client.serve();
    this.#client = client;
    this.#stream = stream;
    this.#lastHeard = this.#clock.monotonic();
    stream.on('data', (order: RelayOrder) => {
      if (this.#stream === stream) this.#receive(order);
    });
    stream.on('error', (error: ServiceError) => {
      if (this.#stream === stream) this.#lost(rpcError(error), error.code === status.UNAUTHENTICATED);
    });
    stream.on('end', () => {
      if (this.#stream === stream) {
        this.#lost(new WarrenError('unavailable', 'the coordinator ended the stream'), false);
      }
    });
    const { name, urls: own, stunServers } = this.#facts;
    this.#send({
      message: {
        $case: 'hello',
        value: {
          protocolVersion: NEWEST_PROTOCOL_VERSION,
          facts: { name, urls: [...own], stunServers: [...stunServers] },
        },
      },
    });
  }

  #receive({ message }: RelayOrder): void {
    this.#lastHeard = this.#clock.monotonic();
    this.#failures = 0;
    if (!this.#connected) {
      this.#connected = true;
      this.#log.info('connected to the coordinator');
      void this.#renewIfDue();
    }
    if (message !== undefined) this.#callbacks.onOrder(message);
  }

  #tick(): void {
    if (this.#stream === null) return;
    const now = this.#clock.monotonic();
    if (now - this.#lastHeard > SILENCE_LIMIT) {
      this.#lost(new WarrenError('unavailable', 'the coordinator has gone silent'), false);
    } else if (this.#connected && now - this.#lastSent >= HEARTBEAT_INTERVAL) {
      this.#sequence++;
      this.#send({ message: { $case: 'heartbeat', value: { sequence: this.#sequence } } });
      void this.#renewIfDue();
    }
  }

  #send(report: RelayReport): void {
    this.#lastSent = this.#clock.monotonic();
    this.#stream?.write(report);
  }

  #lost(error: WarrenError, refused: boolean): void {
    this.#drop();
    this.#connected = false;
    if (refused) {
      this.close();
      this.#callbacks.onRefused(error);
      return;
    }
    const wait = backoff(this.#failures++, Math.random());
    this.#urlIndex++;
    this.#log.warn({ reason: describeError(error), retryMs: wait }, 'no connection to the coordinator');
    if (!this.#closed) this.#retry = setTimeout(() => this.#connect(), wait);
  }

  #drop(): void {
    const [stream, client] = [this.#stream, this.#client];
    this.#stream = null;
    this.#client = null;
    stream?.removeAllListeners();
    stream?.on('error', () => {});
    stream?.cancel();
    client?.close();
  }

  /** A new certificate when the old one's age demands it. */
  async #renewIfDue(): Promise<void> {
    const client = this.#client;
    const certificate = Buffer.from(this.#identity.certificate, 'base64');
    if (client === null || !isRenewalDue(certificate, this.#clock.wall())) return;
    if (this.#clock.monotonic() < this.#nextRenewal) return;
    this.#nextRenewal = this.#clock.monotonic() + RENEWAL_INTERVAL;
    try {
      const { privateKey, request } = await certificateRequest();
      const renewed = await call(client.renew.bind(client), { certificateRequest: Buffer.from(request) });
      const identity = {
        ...this.#identity,
        certificate: renewed.certificate.toString('base64'),
        certificateKey: privateKey,
      };
      this.#callbacks.onIdentity(identity);
      this.#identity = identity;
      this.#log.info("renewed the relay's certificate");
    } catch (error) {
      this.#log.warn(
        { reason: describeError(error) },
        "the relay's certificate was not renewed; trying again",
      );
    }
  }
}
