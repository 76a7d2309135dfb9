import { type ClientDuplexStream, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type {
  CoordinatorClient,
  PathReport,
  RenewResponse,
  Report,
  Self,
  SyncRequest,
  SyncResponse,
} from '../../proto/gen/warren.ts';
import { backoff } from '../../shared/backoff.ts';
import { isRenewalDue } from '../../shared/certificate-life.ts';
import { certificateRequest } from '../../shared/certificate-request.ts';
import type { Clock } from '../../shared/clock.ts';
import { describeError, WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { rpcError } from '../../shared/rpc-error.ts';
import { NEWEST_PROTOCOL_VERSION, VERSION } from '../../shared/version.ts';
import { applyDelta, mapFromSnapshot, type NetworkMap } from '../mesh/network-map.ts';
import type { Identity } from '../state/records.ts';
import { coordinatorClient } from './connect.ts';

/** Something is sent at least this often, and a coordinator silent for three times as long is away. Milliseconds. */
const HEARTBEAT_INTERVAL = 5_000;
const SILENCE_LIMIT = 3 * HEARTBEAT_INTERVAL;
const TICK = 1_000;
const RPC_TIMEOUT = 15_000;
/** Least time between two tries to renew the client certificate. */
const RENEWAL_INTERVAL = 10 * 60_000;

export interface SyncCallbacks {
  /** A newer map, whole. `self` is the message's own part, where it had one. */
  onMap(map: NetworkMap, self: Self | undefined): void;
  onConnected(connected: boolean): void;
  /** The coordinator would like to hear of paths, of what changes in them so often. Milliseconds. */
  onWatch(interval: number): void;
  /** The coordinator no longer knows this node: there is no use in trying again. */
  onRefused(error: WarrenError): void;
  /** A fresh client certificate, to be kept. */
  onIdentity(identity: Identity): void;
  /** All ways to the coordinator by its URLs, best first; absent for the URLs themselves. */
  waysTo?(urls: readonly string[]): readonly string[];
}

/**
 * Keeps this agent in step with the coordinator for as long as it runs: connects, reports, takes maps, and comes back with
 * growing and random pauses when it is away. Losing it changes nothing of what the agent does.
 */
export class SyncClient {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #callbacks: SyncCallbacks;
  #identity: Identity;
  #map: NetworkMap | null;
  #report: Report | null = null;
  #client: CoordinatorClient | null = null;
  #stream: ClientDuplexStream<SyncRequest, SyncResponse> | null = null;
  #connected = false;
  #failures = 0;
  #urlIndex = 0;
  #lastHeard = 0;
  #lastSent = 0;
  #sequence = 0n;
  #retry: NodeJS.Timeout | null = null;
  #closed = false;
  #renewing = false;
  /** On the monotonic clock. */
  #nextRenewal = 0;
  /** The coordinator's clock less the monotonic one; null before it was heard of. */
  #serverOffset: number | null = null;
  readonly #ticker: NodeJS.Timeout;

  constructor(
    identity: Identity,
    map: NetworkMap | null,
    clock: Clock,
    log: Logger,
    callbacks: SyncCallbacks,
  ) {
    this.#identity = identity;
    this.#map = map;
    this.#clock = clock;
    this.#log = log;
    this.#callbacks = callbacks;
    this.#ticker = setInterval(() => this.#tick(), TICK);
  }

  get connected(): boolean {
    return this.#connected;
  }

  start(): void {
    this.#connect();
  }

  /** Connects anew at once: the stream is by an address that this host no longer has, and silence would tell late. */
  reconnect(): void {
    if (this.#closed || (this.#stream === null && this.#retry === null)) return;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#drop();
    this.#connected = false;
    this.#failures = 0;
    this.#connect();
  }

  /** Replaces what the coordinator is told of this host; sent at once, and again after every reconnection. */
  report(report: Report): void {
    this.#report = report;
    // A stream that has not answered yet has been greeted already: what is sent on it comes after the Hello.
    if (this.#stream !== null) this.#send({ message: { $case: 'report', value: report } });
  }

  /** False if it cannot be sent now: it is not kept for later. */
  reportPaths(report: PathReport): boolean {
    if (!this.#connected || this.#stream === null || this.#stream.writableNeedDrain) return false;
    this.#send({ message: { $case: 'paths', value: report } });
    return true;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#ticker);
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#drop();
  }

  #connect(): void {
    if (this.#closed) return;
    const urls = this.#callbacks.waysTo?.(this.#identity.urls) ?? this.#identity.urls;
    const url = urls[this.#urlIndex % urls.length] as string;
    const client = clientOf(this.#identity, url);
    const stream = client.sync();
    this.#client = client;
    this.#stream = stream;
    this.#lastHeard = this.#clock.monotonic();
    stream.on('data', (response: SyncResponse) => {
      if (this.#stream === stream) this.#receive(response);
    });
    stream.on('error', (error: ServiceError) => {
      if (this.#stream === stream) this.#lost(rpcError(error), error.code === status.UNAUTHENTICATED);
    });
    stream.on('end', () => {
      if (this.#stream === stream)
        this.#lost(new WarrenError('unavailable', 'the coordinator ended the stream'), false);
    });
    this.#send({
      message: {
        $case: 'hello',
        value: {
          protocolVersion: NEWEST_PROTOCOL_VERSION,
          host: { operatingSystem: process.platform, agentVersion: VERSION },
          mapEpoch: this.#map?.epoch ?? '',
          mapVersion: BigInt(this.#map?.version ?? 0),
        },
      },
    });
    if (this.#report !== null) this.#send({ message: { $case: 'report', value: this.#report } });
  }

  #receive(response: SyncResponse): void {
    this.#lastHeard = this.#clock.monotonic();
    this.#failures = 0;
    if (!this.#connected) {
      this.#connected = true;
      this.#log.info('connected to the coordinator');
      this.#callbacks.onConnected(true);
    }
    try {
      switch (response.message?.$case) {
        case 'snapshot': {
          const snapshot = response.message.value;
          this.#map = mapFromSnapshot(snapshot);
          this.#heardTime(snapshot.self);
          this.#callbacks.onMap(this.#map, snapshot.self);
          return;
        }
        case 'delta': {
          const delta = response.message.value;
          if (this.#map === null) throw new WarrenError('corrupt', 'a difference came before any map');
          this.#map = applyDelta(this.#map, delta);
          this.#heardTime(delta.self);
          this.#callbacks.onMap(this.#map, delta.self);
          return;
        }
        case 'watch':
          this.#callbacks.onWatch(response.message.value.interval);
          return;
        default:
          return;
      }
    } catch (error) {
      // A map that cannot be is not taken; the one held stays, and the next connection asks for a whole one.
      this.#map = null;
      this.#lost(error, false);
    }
  }

  #heardTime(self: Self | undefined): void {
    if (self === undefined) return;
    this.#serverOffset = Number(self.serverTime) - this.#clock.monotonic();
    void this.#renewIfDue();
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

  #send(request: SyncRequest): void {
    this.#lastSent = this.#clock.monotonic();
    this.#stream?.write(request);
  }

  #lost(error: unknown, refused: boolean): void {
    this.#drop();
    if (this.#connected) {
      this.#connected = false;
      this.#callbacks.onConnected(false);
    }
    if (refused && error instanceof WarrenError) {
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
    // Cancelling reports an error to nobody but us, who no longer listen.
    stream?.removeAllListeners();
    stream?.on('error', () => {});
    stream?.cancel();
    client?.close();
  }

  /** A new client certificate when the old one's age demands it, by the coordinator's clock: this host's may be wrong. */
  async #renewIfDue(): Promise<void> {
    const client = this.#client;
    const now = this.#clock.monotonic();
    if (this.#renewing || client === null || this.#serverOffset === null || now < this.#nextRenewal) return;
    if (!isRenewalDue(Buffer.from(this.#identity.certificate, 'base64'), now + this.#serverOffset)) return;
    this.#renewing = true;
    this.#nextRenewal = this.#clock.monotonic() + RENEWAL_INTERVAL;
    try {
      const { privateKey, request } = await certificateRequest();
      const response = await new Promise<RenewResponse>((resolve, reject) => {
        client.renew(
          { certificateRequest: Buffer.from(request) },
          new Metadata(),
          { deadline: Date.now() + RPC_TIMEOUT },
          (error, renewed) => (error === null ? resolve(renewed) : reject(rpcError(error))),
        );
      });
      const identity = {
        ...this.#identity,
        certificate: response.certificate.toString('base64'),
        certificateKey: privateKey,
      };
      // Used once it is kept: the old one is good for a third of its life yet.
      this.#callbacks.onIdentity(identity);
      this.#identity = identity;
      this.#log.info('renewed the client certificate');
    } catch (error) {
      this.#log.warn(
        { reason: describeError(error) },
        'the client certificate was not renewed; trying again',
      );
    } finally {
      this.#renewing = false;
    }
  }
}

/** Tells the coordinator that this node leaves, at the first of its URLs that answers. */
export async function leaveNetwork(identity: Identity): Promise<void> {
  let last: unknown = null;
  for (const url of identity.urls) {
    const client = clientOf(identity, url);
    try {
      await new Promise<void>((resolve, reject) => {
        client.leave({}, new Metadata(), { deadline: Date.now() + RPC_TIMEOUT }, (error) =>
          error === null ? resolve() : reject(rpcError(error)),
        );
      });
      return;
    } catch (error) {
      last = error;
      if (error instanceof WarrenError && error.code === 'unauthenticated') throw error;
    } finally {
      client.close();
    }
  }
  throw last;
}

function clientOf(identity: Identity, url: string): CoordinatorClient {
  return coordinatorClient(url, Buffer.from(identity.caCertificate, 'base64'), {
    certificate: Buffer.from(identity.certificate, 'base64'),
    privateKey: identity.certificateKey,
  });
}
