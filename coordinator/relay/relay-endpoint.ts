import type { Server, ServerDuplexStream } from '@grpc/grpc-js';
import { RelayService } from '../../proto/gen/warren.ts';
import { WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { grpcError } from '../grpc/status.ts';
import type { Membership } from './membership.ts';
import { widenWindow } from './receive-window.ts';
import type { Switchboard } from './switchboard.ts';

/** How long clients are given to take what waits for them when the relay stops, milliseconds. */
const DRAIN_LIMIT = 1_000;
const DRAIN_CHECK = 20;

/** The generated service but for its messages, which stay the bytes that they are: relay-frame.ts reads them. */
const RAW_SERVICE = {
  connect: {
    ...RelayService.connect,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
  },
};

type RawCall = ServerDuplexStream<Buffer, Buffer>;

/** The streams of nodes to a relay's switchboard: one a node, the newest. */
export class RelayEndpoint {
  readonly #relayId: string;
  readonly #membership: Membership;
  readonly #switchboard: Switchboard;
  readonly #log: Logger;
  readonly #ends = new Map<string, (error?: unknown) => void>();

  constructor(relayId: string, membership: Membership, switchboard: Switchboard, log: Logger) {
    this.#relayId = relayId;
    this.#membership = membership;
    this.#switchboard = switchboard;
    this.#log = log;
  }

  addTo(server: Server): void {
    server.addService(RAW_SERVICE, {
      connect: (call: RawCall) => {
        call.on('error', () => {});
        this.#serve(call).catch((error: unknown) => call.emit('error', grpcError(error, this.#log)));
      },
    });
  }

  /** Tells the clients, gives them a moment to take what waits for them, and ends their streams. */
  async close(): Promise<void> {
    for (const client of this.#switchboard.clients()) {
      client.send({ frame: { $case: 'draining', value: {} } });
    }
    const end = performance.now() + DRAIN_LIMIT;
    while (performance.now() < end && [...this.#switchboard.clients()].some((client) => !client.isIdle)) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECK));
    }
    for (const endStream of [...this.#ends.values()]) {
      endStream(new WarrenError('unavailable', 'the relay is stopping'));
    }
    this.#log.info({ counters: this.#switchboard.counters }, 'the relay has stopped');
  }

  async #serve(call: RawCall): Promise<void> {
    const nodeId = await this.#membership.admit(call.getAuthContext().sslPeerCertificate?.raw);
    if (call.cancelled) return;
    widenWindow(call);
    this.#ends.get(nodeId)?.(new WarrenError('in-use', 'another connection of this node has taken over'));
    const client = this.#switchboard.attach(nodeId, {
      write: (frame, taken) => call.write(frame, () => taken()),
    });
    let unwatch: () => void = () => {};
    let ended = false;
    const end = (error?: unknown) => {
      if (ended) return;
      ended = true;
      unwatch();
      client.detach();
      if (this.#ends.get(nodeId) === end) this.#ends.delete(nodeId);
      if (error === undefined) call.end();
      else call.emit('error', grpcError(error, this.#log));
      this.#log.info({ node: nodeId, counters: client.counters }, 'a node left the relay');
    };
    this.#ends.set(nodeId, end);
    this.#log.info({ node: nodeId }, 'a node connected to the relay');
    client.send({ frame: { $case: 'welcome', value: { relayId: this.#relayId } } });
    call.on('data', (frame: Buffer) => {
      if (!ended) client.receive(frame);
    });
    for (const event of ['end', 'cancelled', 'close']) call.on(event, () => end());
    unwatch = this.#membership.watch(nodeId, end);
    if (ended) unwatch();
  }
}
