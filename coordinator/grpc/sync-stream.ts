import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Hello, Report, SyncRequest, SyncResponse } from '../../proto/gen/warren.ts';
import { WarrenError } from '../../shared/errors.ts';
import { HEARTBEAT_INTERVAL, SILENCE_LIMIT } from '../../shared/heartbeats.ts';
import { isExpired } from '../network/joining.ts';
import type { ReportingStream, Telemetry } from '../telemetry/telemetry.ts';
import { type Call, keyExpired, remoteAddress } from './caller.ts';
import type { RpcContext } from './context.ts';
import type { MapFeed, Subscriber } from './map-feed.ts';
import { deltaMessage, snapshotMessage } from './messages.ts';
import { grpcError } from './status.ts';
import type { Update } from './viewer-updates.ts';

/** One agent's stream: its reports go to the store, the map's differences come back. */
export class SyncStream implements Subscriber {
  readonly nodeId: string;
  readonly #call: ServerDuplexStream<SyncRequest, SyncResponse>;
  readonly #context: RpcContext;
  readonly #feed: MapFeed;
  readonly #telemetry: Telemetry;
  readonly #onEnd: (stream: SyncStream) => void;
  #unsubscribe: () => void = () => {};
  #paths: ReportingStream | null = null;
  /** What the agent holds. */
  #epoch = '';
  #version = 0;
  #host = { operatingSystem: '', agentVersion: '' };
  #lastHeard: number;
  #lastSent: number;
  #sequence = 0n;
  #sending = false;
  #behind = false;
  #blocked = false;
  #ended = false;
  #greeted = false;
  /** Only the latest report counts; it waits here while an earlier one is stored. */
  #report: Report | null = null;
  #storing = false;

  constructor(
    nodeId: string,
    call: ServerDuplexStream<SyncRequest, SyncResponse>,
    context: RpcContext,
    feed: MapFeed,
    telemetry: Telemetry,
    onEnd: (stream: SyncStream) => void,
  ) {
    this.nodeId = nodeId;
    this.#call = call;
    this.#context = context;
    this.#feed = feed;
    this.#telemetry = telemetry;
    this.#onEnd = onEnd;
    this.#lastHeard = context.clock.monotonic();
    this.#lastSent = this.#lastHeard;
  }

  /** Begins after the agent's Hello. */
  start(hello: Hello): void {
    this.#epoch = hello.mapEpoch;
    this.#version = Number(hello.mapVersion);
    if (hello.host !== undefined) this.#host = hello.host;
    this.#unsubscribe = this.#feed.subscribe(this);
    this.#call.on('drain', () => {
      this.#blocked = false;
      if (this.#behind) this.changed();
    });
    this.changed();
    this.#paths = this.#telemetry.connect(this.nodeId, (interval) => {
      if (!this.#ended) this.#write({ message: { $case: 'watch', value: { interval } } });
    });
  }

  receive(request: SyncRequest): void {
    this.#lastHeard = this.#context.clock.monotonic();
    switch (request.message?.$case) {
      case 'report':
        this.#report = request.message.value;
        void this.#storeReports();
        return;
      case 'paths':
        this.#paths?.report(request.message.value);
        return;
      case 'heartbeat':
        return;
      default:
        this.end(new WarrenError('usage', 'unexpected message on the stream'));
    }
  }

  /** Sends what is new, unless something is being sent: then all that came meanwhile goes together. */
  changed(): void {
    this.#behind = true;
    if (this.#sending || this.#blocked || this.#ended) return;
    this.#sending = true;
    this.#sendUpdates()
      .catch((error: unknown) => this.end(error))
      .finally(() => {
        this.#sending = false;
      });
  }

  removed(): void {
    this.end(
      new WarrenError('unauthenticated', 'this node was removed from the network', {
        hint: 'join again with a new token',
      }),
    );
  }

  /** Called every second or so: heartbeats, silence, expiry. */
  tick(): void {
    const now = this.#context.clock.monotonic();
    const node = this.#feed.node(this.nodeId);
    if (node !== undefined && isExpired(node.keyExpiresAt, this.#context.clock.wall()))
      this.end(keyExpired());
    else if (now - this.#lastHeard > SILENCE_LIMIT) {
      this.end(new WarrenError('unavailable', 'the agent was silent for too long'));
    } else if (now - this.#lastSent >= HEARTBEAT_INTERVAL && !this.#blocked) {
      this.#sequence++;
      this.#write({ message: { $case: 'heartbeat', value: { sequence: this.#sequence } } });
    }
  }

  /** Ends the stream, with a status if there was an error. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unsubscribe();
    this.#paths?.end();
    if (error === undefined) this.#call.end();
    else this.#call.emit('error', grpcError(error, this.#context.log));
    this.#onEnd(this);
  }

  async #sendUpdates(): Promise<void> {
    while (this.#behind && !this.#blocked && !this.#ended) {
      this.#behind = false;
      const update =
        (await this.#feed.since(this.nodeId, this.#epoch, this.#version, this.#greeted)) ?? this.#greeting();
      if (update === null || this.#ended) continue;
      const facts = {
        serverTime: this.#context.clock.wall(),
        observedAddress: remoteAddress(this.#call as unknown as Call),
      };
      if (update.kind === 'snapshot') {
        this.#epoch = update.view.epoch;
        this.#write({ message: { $case: 'snapshot', value: snapshotMessage(update.view, facts) } });
      } else {
        // The first message of a stream tells the coordinator's clock and the address seen, which stand in `self`.
        const self =
          update.view.self ?? (this.#greeted ? undefined : (this.#feed.self(this.nodeId) ?? undefined));
        const view = self === undefined ? update.view : { ...update.view, self };
        this.#write({ message: { $case: 'delta', value: deltaMessage(view, facts) } });
      }
      this.#greeted = true;
      this.#version = update.view.version;
    }
  }

  /** An agent whose map is up to date is answered all the same: it learns that it is connected, and as what. */
  #greeting(): Update {
    const view = this.#greeted ? null : this.#feed.standing(this.nodeId);
    return view === null ? null : { kind: 'delta', view };
  }

  #write(response: SyncResponse): void {
    this.#lastSent = this.#context.clock.monotonic();
    // A slow agent holds up nobody: until it has read, nothing more is made for it, and then one difference for all.
    if (!this.#call.write(response)) this.#blocked = true;
  }

  async #storeReports(): Promise<void> {
    if (this.#storing) return;
    this.#storing = true;
    try {
      for (let report = this.#report; report !== null && !this.#ended; report = this.#report) {
        this.#report = null;
        await this.#context.store.putReport(
          this.nodeId,
          {
            endpoints: report.endpoints,
            listenPort: report.listenPort,
            homeRelay: report.homeRelay ?? '',
            offeredSegments: report.segments,
            reachableEndpoints: report.reach?.endpoints ?? [],
            acceptsRoutes: report.reach?.acceptsRoutes ?? false,
            offers: {
              routes: report.offers?.routes ?? [],
              exitNode: report.offers?.exitNode ?? false,
              tags: report.offers?.tags ?? [],
              mappings: report.offers?.mappings ?? [],
            },
            ...this.#host,
          },
          this.#context.clock.wall(),
        );
      }
    } catch (error) {
      this.end(error);
    } finally {
      this.#storing = false;
    }
  }
}
