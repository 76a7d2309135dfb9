import type { handleUnaryCall, ServerDuplexStream } from '@grpc/grpc-js';
import type {
  RelayControlServer,
  RelayEnrolRequest,
  RelayEnrolResponse,
  RelayFacts,
  RelayOrder,
  RelayRenewRequest,
  RelayRenewResponse,
  RelayReport,
} from '../../proto/gen/warren.ts';
import { WarrenError } from '../../shared/errors.ts';
import { type Call, remoteAddress } from '../grpc/caller.ts';
import type { RpcContext } from '../grpc/context.ts';
import type { MapFeed } from '../grpc/map-feed.ts';
import { checkProtocolVersion } from '../grpc/protocol-version.ts';
import { Refusals } from '../grpc/refusals.ts';
import { grpcError } from '../grpc/status.ts';
import { sha256 } from '../pki/sha256.ts';
import { callingRelay } from './calling-relay.ts';
import { ControlStream } from './control-stream.ts';

const TICK = 1_000;
const SECRET_LENGTH = 32;
const MAX_CERTIFICATE_REQUEST = 4096;

/** The coordinator's side of relays on hosts of their own: admits them, renews their certificates, tells them who is who. */
export class RelayControl {
  readonly #context: RpcContext;
  readonly #feed: MapFeed;
  readonly #refusals = new Refusals();
  readonly #streams = new Set<ControlStream>();
  readonly #timer: NodeJS.Timeout;

  constructor(context: RpcContext, feed: MapFeed) {
    this.#context = context;
    this.#feed = feed;
    this.#timer = setInterval(() => {
      for (const stream of [...this.#streams]) stream.tick();
    }, TICK);
  }

  handlers(): RelayControlServer {
    return {
      enrol: this.#unary((call) => this.#enrol(call.request, remoteAddress(call as unknown as Call))),
      renew: this.#unary((call) => this.#renew(call.request, call as unknown as Call)),
      serve: (call: ServerDuplexStream<RelayReport, RelayOrder>) => {
        call.on('error', () => {});
        this.#serve(call).catch((error: unknown) => call.emit('error', grpcError(error, this.#context.log)));
      },
    };
  }

  close(): void {
    clearInterval(this.#timer);
    for (const stream of [...this.#streams]) {
      stream.end(new WarrenError('unavailable', 'the coordinator is stopping'));
    }
  }

  #unary<Q, A>(answer: (call: Parameters<handleUnaryCall<Q, A>>[0]) => Promise<A>): handleUnaryCall<Q, A> {
    return (call, callback) => {
      answer(call).then(
        (response) => callback(null, response),
        (error: unknown) => callback(grpcError(error, this.#context.log)),
      );
    };
  }

  async #enrol(request: RelayEnrolRequest, source: string): Promise<RelayEnrolResponse> {
    const { store, authority, clock, log } = this.#context;
    checkProtocolVersion(request.protocolVersion);
    if (this.#refusals.tooMany(source, clock.monotonic())) {
      throw new WarrenError('exhausted', 'too many refused attempts from this address', {
        hint: 'wait a minute',
      });
    }
    if (
      request.tokenSecret.length !== SECRET_LENGTH ||
      request.certificateRequest.length > MAX_CERTIFICATE_REQUEST ||
      request.facts === undefined
    ) {
      throw new WarrenError('usage', 'the request of the relay is malformed');
    }
    const now = clock.wall();
    try {
      const { relay, certificate } = await store.enrolRelay({
        secretHash: sha256(request.tokenSecret),
        facts: request.facts,
        remoteAddress: source,
        now,
        issueCertificate: (id, tlsName) => authority.issueRelay(id, tlsName, request.certificateRequest, now),
      });
      log.info({ relay: relay.id, name: relay.name, source }, 'a relay was enrolled');
      return {
        relayId: relay.id,
        certificate: Buffer.from(certificate.certificate),
        caCertificate: Buffer.from(authority.certificate),
      };
    } catch (error) {
      if (error instanceof WarrenError && error.code === 'unauthenticated') {
        this.#refusals.add(source, clock.monotonic());
        log.warn({ source }, 'a relay was refused; the audit log has the reason');
      }
      throw error;
    }
  }

  async #renew(request: RelayRenewRequest, call: Call): Promise<RelayRenewResponse> {
    const { store, authority, clock } = this.#context;
    const relay = await callingRelay(call, store);
    if (request.certificateRequest.length > MAX_CERTIFICATE_REQUEST) {
      throw new WarrenError('usage', 'the certificate request is too long');
    }
    const now = clock.wall();
    const { certificate } = await authority.issueRelay(
      relay.id,
      relay.tlsName,
      request.certificateRequest,
      now,
    );
    await store.audit({
      at: now,
      actor: `relay:${relay.id}`,
      source: remoteAddress(call),
      action: 'certificate.issue',
      target: relay.id,
      result: 'ok',
      detail: '',
    });
    return { certificate: Buffer.from(certificate) };
  }

  async #serve(call: ServerDuplexStream<RelayReport, RelayOrder>): Promise<void> {
    const facts = firstFacts(call);
    const relay = await callingRelay(call as unknown as Call, this.#context.store);
    await this.#context.store.putRelayFacts(relay.id, await facts, this.#context.clock.wall());
    await this.#feed.refresh();
    if (call.cancelled) return;
    const stream = new ControlStream(relay.id, call, this.#context, this.#feed, () =>
      this.#streams.delete(stream),
    );
    this.#streams.add(stream);
    stream.start();
    call.resume();
  }
}

/** The Hello that begins a stream. */
function firstFacts(call: ServerDuplexStream<RelayReport, RelayOrder>): Promise<RelayFacts> {
  const facts = new Promise<RelayFacts>((resolve, reject) => {
    call.once('data', (report: RelayReport) => {
      call.pause();
      try {
        if (report.message?.$case !== 'hello' || report.message.value.facts === undefined) {
          throw new WarrenError('usage', 'the first message of a stream is Hello');
        }
        checkProtocolVersion(report.message.value.protocolVersion);
        resolve(report.message.value.facts);
      } catch (error) {
        reject(error);
      }
    });
    call.once('cancelled', () => reject(new WarrenError('unavailable', 'the relay has gone')));
  });
  // The caller may be refused before anybody waits for this.
  facts.catch(() => {});
  return facts;
}
