import type {
  CoordinatorClient,
  PathReport,
  Report,
  Self,
  SyncRequest,
  SyncResponse,
} from '../../proto/gen/warren.ts';
import { CertificateRenewal } from '../../shared/certificate-renewal.ts';
import type { Clock } from '../../shared/clock.ts';
import { WarrenError } from '../../shared/errors.ts';
import { KeptStream } from '../../shared/kept-stream.ts';
import type { Logger } from '../../shared/log.ts';
import { unaryCall } from '../../shared/unary-call.ts';
import { NEWEST_PROTOCOL_VERSION, VERSION } from '../../shared/version.ts';
import { coordinatorUrls } from '../mesh/coordinator-urls.ts';
import { applyDelta, mapFromSnapshot, type NetworkMap } from '../mesh/network-map.ts';
import type { Identity } from '../state/records.ts';
import { memberClient } from './connect.ts';
import type { CoordinatorClock } from './coordinator-clock.ts';

export interface SyncOptions {
  /** Asked for at each connection, so that a renewed certificate counts. */
  identity: () => Identity;
  /** The one held, which differences begin at. */
  map: NetworkMap | null;
  clock: Clock;
  /** Told what the coordinator says of the time. */
  coordinatorClock: CoordinatorClock;
  log: Logger;
}

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

/** Keeps this agent in step with the coordinator for as long as it runs: reports, and takes maps. Losing it changes nothing else. */
export class SyncClient {
  readonly #options: SyncOptions;
  readonly #callbacks: SyncCallbacks;
  readonly #stream: KeptStream<CoordinatorClient, SyncRequest, SyncResponse>;
  readonly #renewal: CertificateRenewal;
  /** Which the coordinator knows this agent to hold; null after one that could not be. */
  #map: NetworkMap | null;
  #report: Report | null = null;

  constructor(options: SyncOptions, callbacks: SyncCallbacks) {
    const { identity, map, clock, log } = options;
    this.#options = options;
    this.#callbacks = callbacks;
    this.#map = map;
    this.#stream = new KeptStream(
      {
        urls: () => this.#urls(),
        open: (url) => {
          const client = memberClient(identity(), url);
          return { client, stream: client.sync() };
        },
        greeting: () => this.#greeting(),
        heartbeat: (sequence) => ({ message: { $case: 'heartbeat', value: { sequence } } }),
        received: (response) => this.#received(response),
        connected: (isConnected) => callbacks.onConnected(isConnected),
        beat: () => void this.#renewal.renewIfDue(),
        refused: (error) => callbacks.onRefused(error),
      },
      clock,
      log,
    );
    this.#renewal = this.#certificateRenewal();
  }

  get connected(): boolean {
    return this.#stream.isConnected;
  }

  start(): void {
    this.#stream.start();
  }

  /** Connects anew at once: the stream is by an address that this host no longer has. */
  reconnect(): void {
    this.#stream.reconnect();
  }

  /** Replaces what the coordinator is told of this host; sent at once, and again after every reconnection. */
  report(report: Report): void {
    this.#report = report;
    this.#stream.send({ message: { $case: 'report', value: report } });
  }

  /** False if it cannot be sent now: it is not kept for later. */
  reportPaths(report: PathReport): boolean {
    if (!this.#stream.isReady) return false;
    this.#stream.send({ message: { $case: 'paths', value: report } });
    return true;
  }

  close(): void {
    this.#stream.close();
  }

  #urls(): readonly string[] {
    const urls = coordinatorUrls(this.#options.identity().urls, this.#map);
    return this.#callbacks.waysTo?.(urls) ?? urls;
  }

  #greeting(): SyncRequest[] {
    const hello: SyncRequest = {
      message: {
        $case: 'hello',
        value: {
          protocolVersion: NEWEST_PROTOCOL_VERSION,
          host: { operatingSystem: process.platform, agentVersion: VERSION },
          mapEpoch: this.#map?.epoch ?? '',
          mapVersion: BigInt(this.#map?.version ?? 0),
        },
      },
    };
    return this.#report === null ? [hello] : [hello, { message: { $case: 'report', value: this.#report } }];
  }

  #received({ message }: SyncResponse): void {
    if (message?.$case === 'watch') this.#callbacks.onWatch(message.value.interval);
    if (message?.$case !== 'snapshot' && message?.$case !== 'delta') return;
    try {
      this.#map = this.#mapOf(message);
      this.#heardTime(message.value.self);
      this.#callbacks.onMap(this.#map, message.value.self);
    } catch (error) {
      // A map that cannot be is not taken; the one in force stays, and the next connection asks for a whole one.
      this.#map = null;
      throw error;
    }
  }

  #mapOf(message: Extract<SyncResponse['message'], { $case: 'snapshot' | 'delta' }>): NetworkMap {
    if (message.$case === 'snapshot') return mapFromSnapshot(message.value);
    if (this.#map === null) throw new WarrenError('corrupt', 'a difference came before any map');
    return applyDelta(this.#map, message.value);
  }

  #heardTime(self: Self | undefined): void {
    if (self === undefined) return;
    this.#options.coordinatorClock.heard(Number(self.serverTime));
    void this.#renewal.renewIfDue();
  }

  #certificateRenewal(): CertificateRenewal {
    const { identity, coordinatorClock, clock, log } = this.#options;
    return new CertificateRenewal({
      what: 'the client certificate',
      certificate: () => identity().certificate,
      // This host's own may be wrong.
      now: () => (coordinatorClock.isHeard ? coordinatorClock.now() : null),
      ask: async (request) => {
        const { client } = this.#stream;
        if (client === null) throw new WarrenError('unavailable', 'the coordinator is away');
        const renewed = await unaryCall(client.renew.bind(client), {
          certificateRequest: Buffer.from(request),
        });
        return renewed.certificate;
      },
      keep: (certificate, certificateKey) =>
        this.#callbacks.onIdentity({ ...identity(), certificate, certificateKey }),
      clock,
      log,
    });
  }
}
