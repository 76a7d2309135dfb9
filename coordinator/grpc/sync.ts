import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import type { Hello, SyncRequest, SyncResponse } from '../../proto/gen/warren.ts';
import { WarrenError } from '../../shared/errors.ts';
import { SILENCE_LIMIT } from '../../shared/heartbeats.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { type Call, callingNode } from './caller.ts';
import type { RpcContext } from './context.ts';
import type { MapFeed } from './map-feed.ts';
import { checkProtocolVersion } from './protocol-version.ts';
import { grpcError } from './status.ts';
import { SyncStream } from './sync-stream.ts';

const TICK = 1_000;

/** All streams of this coordinator: one a node, the newest. */
export class SyncService {
  readonly #context: RpcContext;
  readonly #feed: MapFeed;
  readonly #telemetry: Telemetry;
  readonly #streams = new Map<string, SyncStream>();
  readonly #timer: NodeJS.Timeout;
  /** Changes of presence, one after the other, so that an end and a new begin are stored in their order. */
  #presence: Promise<void> = Promise.resolve();
  /** Nodes whose presence could not be stored. */
  #unsettled = new Set<string>();

  constructor(context: RpcContext, feed: MapFeed, telemetry: Telemetry) {
    this.#context = context;
    this.#feed = feed;
    this.#telemetry = telemetry;
    this.#timer = setInterval(() => {
      for (const stream of [...this.#streams.values()]) stream.tick();
      const unsettled = this.#unsettled;
      this.#unsettled = new Set();
      for (const nodeId of unsettled) this.#setOnline(nodeId, this.#streams.has(nodeId));
    }, TICK);
  }

  handler(): handleBidiStreamingCall<SyncRequest, SyncResponse> {
    return (call) => {
      call.on('error', () => {});
      this.#serve(call).catch((error: unknown) => call.emit('error', grpcError(error, this.#context.log)));
    };
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Says of all agents that are connected here that they are online: what was said of them was taken back. */
  tellPresence(): void {
    for (const nodeId of this.#streams.keys()) this.#setOnline(nodeId, true);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const stream of [...this.#streams.values()]) {
      stream.end(new WarrenError('unavailable', 'the coordinator is stopping'));
    }
    await this.#presence;
  }

  async #serve(call: ServerDuplexStream<SyncRequest, SyncResponse>): Promise<void> {
    // Listening begins at once, or what comes while the caller is looked up would be lost.
    const hello = firstMessage(call);
    const node = await callingNode(call as unknown as Call, this.#context);
    const first = await hello;
    checkProtocolVersion(first.protocolVersion);
    const stream = new SyncStream(node.id, call, this.#context, this.#feed, this.#telemetry, (ended) =>
      this.#ended(ended),
    );
    this.#streams
      .get(node.id)
      ?.end(new WarrenError('in-use', 'another connection of this node has taken over'));
    this.#streams.set(node.id, stream);
    this.#setOnline(node.id, true);
    call.on('data', (request: SyncRequest) => stream.receive(request));
    call.on('end', () => stream.end());
    call.on('cancelled', () => stream.end());
    call.on('close', () => stream.end());
    call.resume();
    // A node that joined a moment ago may be newer than what the feed holds.
    if (this.#feed.node(node.id) === undefined) await this.#feed.refresh();
    stream.start(first);
  }

  #ended(stream: SyncStream): void {
    if (this.#streams.get(stream.nodeId) !== stream) return;
    this.#streams.delete(stream.nodeId);
    this.#setOnline(stream.nodeId, false);
  }

  #setOnline(nodeId: string, online: boolean): void {
    const { store, instance, clock, log } = this.#context;
    this.#presence = this.#presence
      .then(() => store.setOnline(nodeId, instance, online, clock.wall()))
      .catch((error: unknown) => {
        // Of a node that was removed meanwhile there is nothing to be stored.
        if (error instanceof WarrenError && error.code === 'not-found') return;
        this.#unsettled.add(nodeId);
        log.warn({ err: error, node: nodeId }, 'presence was not stored; trying again');
      });
  }
}

/** The Hello that begins a stream. Rejects when something else comes, or nothing for too long. */
function firstMessage(call: ServerDuplexStream<SyncRequest, SyncResponse>): Promise<Hello> {
  const hello = new Promise<Hello>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new WarrenError('unavailable', 'no Hello came on the stream')),
      SILENCE_LIMIT,
    );
    call.once('data', (request: SyncRequest) => {
      clearTimeout(timer);
      call.pause();
      if (request.message?.$case === 'hello') resolve(request.message.value);
      else reject(new WarrenError('usage', 'the first message of a stream is Hello'));
    });
    call.once('cancelled', () => clearTimeout(timer));
  });
  // The caller may be refused before anybody waits for this.
  hello.catch(() => {});
  return hello;
}
