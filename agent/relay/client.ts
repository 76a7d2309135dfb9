import { type ServiceError, status } from '@grpc/grpc-js';
import { RelayFrame } from '../../proto/gen/warren.ts';
import { backoff } from '../../shared/backoff.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { ClientCertificate } from '../../shared/own-channel.ts';
import { forEachDatagram, isDatagramFrame, nodeIdOf, readDatagramFrame } from '../../shared/relay-frame.ts';
import { rpcDetails } from '../../shared/rpc-error.ts';
import { openRelayChannel, type RelayChannel } from './relay-channel.ts';
import { SendQueue } from './send-queue.ts';

/** A ping is sent this often, the first at once; a relay that was silent for twice as long is away. Milliseconds. */
export const PING_INTERVAL = 5_000;
const SILENCE_LIMIT = 2 * PING_INTERVAL;
/** Datagrams that wait for a connection which is being made: the handshake that caused it, and what follows at once. */
const MAX_EARLY = 32;
const TICK = 500;
/** How long one URL is tried before the next. */
const CONNECT_LIMIT = 5_000;
/** Weight of a new round trip in the smoothed one, as of TCP (RFC 6298 2). */
const SMOOTHING = 1 / 8;

export interface RelayTarget {
  /** As the network map has it. */
  id: string;
  /** Tried one after the other. */
  urls: readonly string[];
  tlsName: string;
  /** The coordinator's CA, DER. */
  authority: Uint8Array;
}

export type RelayState = 'connecting' | 'connected' | 'waiting' | 'closed';

export interface RelayCallbacks {
  /** A datagram of a node, which the relay knows by its certificate. The bytes are the receiver's. */
  onDatagram(nodeId: string, datagram: Uint8Array): void;
  onState(state: RelayState): void;
  /** What was sent to this node went nowhere: it is not connected to this relay. */
  onPeerGone(nodeId: string): void;
  /** What waited for a connection that did not come to be: another relay may take it. The bytes are the receiver's. */
  onUnsent(nodeId: string, datagram: Uint8Array): void;
}

export interface RelayClientCounters {
  sent: number;
  received: number;
  /** Gave way to newer ones while the relay took them too slowly. */
  droppedQueue: number;
  /** There was no connection. */
  droppedAway: number;
  /** Frames that are none. */
  malformed: number;
}

/** Keeps this agent connected to one relay until it is closed, coming back with growing and random pauses. */
export class RelayClient {
  readonly target: RelayTarget;
  readonly #certificate: () => ClientCertificate;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #callbacks: RelayCallbacks;
  readonly #ticker: NodeJS.Timeout;
  readonly #counters = { sent: 0, received: 0, droppedAway: 0, malformed: 0 };
  readonly #queue: SendQueue;
  #channel: RelayChannel | null = null;
  #state: RelayState = 'waiting';
  #retry: NodeJS.Timeout | null = null;
  #failures = 0;
  #urlIndex = 0;
  #openedAt = 0;
  #lastHeard = 0;
  #lastPing = Number.NEGATIVE_INFINITY;
  #pingSequence = 0n;
  #latency: number | null = null;
  readonly #early: { nodeId: string; datagram: Uint8Array }[] = [];

  /** `certificate` is asked at each connection, so that a renewed one counts. */
  constructor(
    target: RelayTarget,
    certificate: () => ClientCertificate,
    clock: Clock,
    log: Logger,
    callbacks: RelayCallbacks,
  ) {
    this.target = target;
    this.#certificate = certificate;
    this.#clock = clock;
    this.#log = log;
    this.#callbacks = callbacks;
    this.#queue = new SendQueue((frame, taken) => {
      const stream = this.#channel?.stream;
      if (stream === undefined) taken();
      else stream.write(frame, () => taken());
    });
    this.#ticker = setInterval(() => this.#tick(), TICK);
  }

  get state(): RelayState {
    return this.#state;
  }

  /** Smoothed round trip in milliseconds, null before the first pong of this connection. */
  get latency(): number | null {
    return this.#latency;
  }

  get counters(): RelayClientCounters {
    return { ...this.#counters, droppedQueue: this.#queue.dropped };
  }

  start(): void {
    if (this.#state === 'waiting' && this.#retry === null) this.#connect();
  }

  /**
   * Sends a datagram to a node. The latest 32 wait for a connection that is being made; between two tries they are lost, as a
   * datagram may be. Takes over the bytes.
   */
  send(nodeId: string, datagram: Uint8Array): void {
    if (this.#state === 'connecting') {
      this.#early.push({ nodeId, datagram });
      if (this.#early.length <= MAX_EARLY) return;
      this.#early.shift();
      this.#counters.droppedAway++;
      return;
    }
    if (this.#state !== 'connected') {
      this.#counters.droppedAway++;
      return;
    }
    this.#counters.sent++;
    this.#queue.push(nodeId, datagram);
  }

  /** Measures the round trip now, instead of when the time has come. */
  ping(): void {
    if (this.#state !== 'connected') return;
    this.#lastPing = this.#clock.monotonic();
    this.#pingSequence++;
    const frame: RelayFrame = { frame: { $case: 'ping', value: { sequence: this.#pingSequence } } };
    this.#channel?.stream.write(Buffer.from(RelayFrame.encode(frame).finish()));
  }

  /** Connects anew at once: the connection is by an address that this host no longer has, and silence would tell late. */
  reconnect(): void {
    if (this.#state === 'closed') return;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#drop();
    this.#failures = 0;
    this.#connect();
  }

  close(): void {
    clearInterval(this.#ticker);
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#drop();
    this.#become('closed');
  }

  #connect(): void {
    this.#retry = null;
    const { urls, tlsName, authority } = this.target;
    const url = urls[this.#urlIndex % urls.length] as string;
    const channel = openRelayChannel(url, tlsName, authority, this.#certificate());
    this.#channel = channel;
    this.#openedAt = this.#clock.monotonic();
    const isCurrent = () => this.#channel === channel;
    channel.stream.on('data', (frame: Buffer) => {
      if (isCurrent()) this.#receive(frame);
    });
    channel.stream.on('error', (error: ServiceError) => {
      if (isCurrent()) this.#lost(rpcDetails(error), error.code);
    });
    channel.stream.on('end', () => {
      if (isCurrent()) this.#lost('the relay ended the stream', null);
    });
    this.#become('connecting');
  }

  #receive(frame: Buffer): void {
    this.#lastHeard = this.#clock.monotonic();
    if (isDatagramFrame(frame)) {
      const read = readDatagramFrame(frame);
      if (read === null) {
        this.#counters.malformed++;
        return;
      }
      const nodeId = nodeIdOf(frame, read);
      this.#counters.received += read.count;
      forEachDatagram(frame, read, (datagram) => this.#callbacks.onDatagram(nodeId, datagram));
      return;
    }
    const message = decoded(frame);
    switch (message?.$case) {
      case 'welcome':
        // An address that several coordinators share leads to any of them: where peers do not look for this agent it is of no use.
        if (message.value.relayId !== '' && message.value.relayId !== this.target.id) {
          this.#lost('another relay answered', null);
          return;
        }
        this.#failures = 0;
        this.#log.info({ relay: this.target.id }, 'connected to the relay');
        this.#become('connected');
        this.ping();
        for (const { nodeId, datagram } of this.#early.splice(0)) this.send(nodeId, datagram);
        return;
      case 'pong':
        this.#pong(message.value.sequence);
        return;
      case 'peerGone':
        this.#callbacks.onPeerGone(message.value.nodeId);
        return;
      case 'draining':
        this.#lost('the relay is stopping', null);
        return;
      default:
        this.#counters.malformed++;
    }
  }

  #pong(sequence: bigint): void {
    if (sequence !== this.#pingSequence) return;
    const roundTrip = this.#lastHeard - this.#lastPing;
    this.#latency =
      this.#latency === null ? roundTrip : this.#latency + (roundTrip - this.#latency) * SMOOTHING;
  }

  #tick(): void {
    const now = this.#clock.monotonic();
    if (this.#state === 'connecting') {
      if (now - this.#openedAt > CONNECT_LIMIT) this.#lost('no answer', null);
    } else if (this.#state === 'connected') {
      if (now - this.#lastHeard > SILENCE_LIMIT) this.#lost('the relay has gone silent', null);
      else if (now - this.#lastPing >= PING_INTERVAL) this.ping();
    }
  }

  #lost(reason: string, code: status | null): void {
    const unsent = this.#early.splice(0);
    this.#drop();
    this.#urlIndex++;
    // A relay that does not know this node yet may hear of it in a moment: it is tried again as any other.
    const wait = backoff(this.#failures++, Math.random());
    this.#log.warn(
      { relay: this.target.id, reason, status: code === null ? undefined : status[code], retryMs: wait },
      'no connection to the relay',
    );
    this.#retry = setTimeout(() => this.#connect(), wait);
    this.#become('waiting');
    for (const { nodeId, datagram } of unsent) this.#callbacks.onUnsent(nodeId, datagram);
  }

  #drop(): void {
    const channel = this.#channel;
    this.#channel = null;
    this.#latency = null;
    this.#queue.clear();
    this.#counters.droppedAway += this.#early.splice(0).length;
    if (channel === null) return;
    channel.stream.removeAllListeners();
    channel.stream.on('error', () => {});
    channel.stream.cancel();
    channel.close();
  }

  #become(state: RelayState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#callbacks.onState(state);
  }
}

function decoded(frame: Buffer): RelayFrame['frame'] | null {
  try {
    return RelayFrame.decode(frame).frame ?? null;
  } catch {
    return null;
  }
}
