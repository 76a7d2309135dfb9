import type { RelayControlClient, RelayOrder, RelayReport } from '../../proto/gen/warren.ts';
import { CertificateRenewal } from '../../shared/certificate-renewal.ts';
import type { Clock } from '../../shared/clock.ts';
import { WarrenError } from '../../shared/errors.ts';
import { KeptStream } from '../../shared/kept-stream.ts';
import type { Logger } from '../../shared/log.ts';
import { unaryCall } from '../../shared/unary-call.ts';
import { NEWEST_PROTOCOL_VERSION } from '../../shared/version.ts';
import type { RelayFacts } from '../store/contract/relays.ts';
import { controlClient } from './control-channel.ts';
import type { RelayIdentity } from './relay-identity.ts';

export interface ControlCallbacks {
  onOrder(order: NonNullable<RelayOrder['message']>): void;
  /** The coordinator no longer knows this relay: there is no use in trying again. */
  onRefused(error: WarrenError): void;
  /** A fresh certificate, to be kept and shown. */
  onIdentity(identity: RelayIdentity): void;
}

/** Keeps a relay on a host of its own in touch with its coordinator. */
export class ControlClient {
  readonly #stream: KeptStream<RelayControlClient, RelayReport, RelayOrder>;
  #identity: RelayIdentity;

  constructor(
    identity: RelayIdentity,
    { name, urls, stunServers }: RelayFacts,
    clock: Clock,
    log: Logger,
    callbacks: ControlCallbacks,
  ) {
    this.#identity = identity;
    const renewal = this.#renewal(clock, log, callbacks);
    const facts = { name, urls: [...urls], stunServers: [...stunServers] };
    this.#stream = new KeptStream(
      {
        urls: () => this.#identity.urls,
        open: (url) => {
          const authority = Buffer.from(this.#identity.caCertificate, 'base64');
          const client = controlClient(url, authority, this.#identity);
          return { client, stream: client.serve() };
        },
        greeting: () => [
          { message: { $case: 'hello', value: { protocolVersion: NEWEST_PROTOCOL_VERSION, facts } } },
        ],
        heartbeat: (sequence) => ({ message: { $case: 'heartbeat', value: { sequence } } }),
        received: ({ message }) => {
          if (message !== undefined) callbacks.onOrder(message);
        },
        connected: (isConnected) => {
          if (isConnected) void renewal.renewIfDue();
        },
        beat: () => void renewal.renewIfDue(),
        refused: (error) => callbacks.onRefused(error),
      },
      clock,
      log,
    );
  }

  start(): void {
    this.#stream.start();
  }

  close(): void {
    this.#stream.close();
  }

  #renewal(clock: Clock, log: Logger, callbacks: ControlCallbacks): CertificateRenewal {
    return new CertificateRenewal({
      what: "the relay's certificate",
      certificate: () => this.#identity.certificate,
      now: () => clock.wall(),
      ask: async (request) => {
        const { client } = this.#stream;
        if (client === null) throw new WarrenError('unavailable', 'the coordinator is away');
        const renewed = await unaryCall(client.renew.bind(client), {
          certificateRequest: Buffer.from(request),
        });
        return renewed.certificate;
      },
      keep: (certificate, certificateKey) => {
        const identity = { ...this.#identity, certificate, certificateKey };
        callbacks.onIdentity(identity);
        this.#identity = identity;
      },
      clock,
      log,
    });
  }
}
