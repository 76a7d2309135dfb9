import { RelayFrame } from '../../proto/gen/warren.ts';
import type { Clock } from '../../shared/clock.ts';
import {
  type DatagramFrame,
  isDatagramFrame,
  MAX_FRAME,
  nodeIdOf,
  readDatagramFrame,
  withNodeId,
} from '../../shared/relay-frame.ts';
import { TokenBucket } from '../../shared/token-bucket.ts';
import { noCounts, type RelayCounters } from './counters.ts';
import type { Membership } from './membership.ts';
import { OutgoingQueue } from './outgoing-queue.ts';

/** What one node may send by a relay. */
export interface RelayRates {
  bytesPerSecond: number;
  packetsPerSecond: number;
}

/** Seconds of its rate that a node may send at once after a pause. */
const BURST = 0.25;
/** Answers that cost the relay something beside carrying: pongs and notices, a second. */
const ANSWERS = { rate: 20, burst: 40 };

type Connection = { write(frame: Buffer, taken: () => void): void };

/** A connected node. */
export interface RelayClient {
  readonly nodeId: string;
  readonly counters: Readonly<RelayCounters>;
  /** Bytes that wait for it. */
  readonly waitingBytes: number;
  readonly isIdle: boolean;
  /** Takes over a frame that it sent. */
  receive(frame: Buffer): void;
  send(frame: RelayFrame): void;
  detach(): void;
}

/**
 * Hands datagrams from one connected node to another. The sender's id in what is delivered comes from the certificate that it
 * connected with, whatever it says. Nothing here waits for a client.
 */
export class Switchboard {
  readonly counters: RelayCounters = noCounts();
  readonly #clients = new Map<string, Client>();
  readonly #membership: Membership;
  readonly #rates: RelayRates;
  readonly #clock: Clock;

  constructor(membership: Membership, rates: RelayRates, clock: Clock) {
    this.#membership = membership;
    this.#rates = rates;
    this.#clock = clock;
  }

  get size(): number {
    return this.#clients.size;
  }

  clients(): Iterable<RelayClient> {
    return this.#clients.values();
  }

  /** From now on this connection is the node's; one it had before gets nothing more. */
  attach(nodeId: string, connection: Connection): RelayClient {
    const now = this.#clock.monotonic();
    const client = new Client(nodeId, connection, this.counters, this.#rates, now, {
      receive: (frame) => this.#receive(client, frame),
      detach: () => {
        if (this.#clients.get(nodeId) === client) this.#clients.delete(nodeId);
      },
    });
    this.#clients.set(nodeId, client);
    return client;
  }

  #receive(sender: Client, frame: Buffer): void {
    if (isDatagramFrame(frame)) {
      const read = readDatagramFrame(frame);
      if (read === null) sender.count('malformed', 1);
      else this.#relay(sender, frame, read);
      return;
    }
    const ping = pingIn(frame);
    if (ping === null) sender.count('malformed', 1);
    else if (sender.answers.take(1, this.#clock.monotonic())) {
      sender.send({ frame: { $case: 'pong', value: { sequence: ping } } });
    }
  }

  #relay(sender: Client, frame: Buffer, read: DatagramFrame): void {
    sender.count('receivedPackets', read.count);
    sender.count('receivedBytes', read.bytes);
    const now = this.#clock.monotonic();
    if (!sender.mayCarry(read.count, frame.length, now)) {
      sender.count('droppedRate', read.count);
      return;
    }
    const nodeId = nodeIdOf(frame, read);
    const allowed = this.#membership.mayMeet(sender.nodeId, nodeId);
    const receiver = allowed ? this.#clients.get(nodeId) : undefined;
    if (receiver === undefined) {
      sender.count(allowed ? 'droppedAbsent' : 'droppedForbidden', read.count);
      // The same for both: whom a node may not see it does not hear of.
      if (sender.answers.take(1, this.#clock.monotonic())) {
        sender.send({ frame: { $case: 'peerGone', value: { nodeId } } });
      }
      return;
    }
    sender.count('relayedPackets', read.count);
    sender.count('relayedBytes', read.bytes);
    receiver.queue.push(withNodeId(frame, read, sender.idBytes), read.count);
  }
}

/** One connected node, as the switchboard knows it. */
class Client implements RelayClient {
  readonly nodeId: string;
  readonly idBytes: Uint8Array;
  readonly counters = noCounts();
  readonly queue: OutgoingQueue;
  readonly answers: TokenBucket;
  readonly #total: RelayCounters;
  readonly #bytes: TokenBucket;
  readonly #packets: TokenBucket;
  readonly #board: { receive(frame: Buffer): void; detach(): void };

  constructor(
    nodeId: string,
    connection: Connection,
    total: RelayCounters,
    { bytesPerSecond, packetsPerSecond }: RelayRates,
    now: number,
    board: { receive(frame: Buffer): void; detach(): void },
  ) {
    this.nodeId = nodeId;
    this.idBytes = Buffer.from(nodeId, 'latin1');
    this.#total = total;
    this.#board = board;
    this.answers = new TokenBucket(ANSWERS.rate, ANSWERS.burst, now);
    // A whole frame must fit, however low the rate.
    this.#bytes = new TokenBucket(bytesPerSecond, Math.max(bytesPerSecond * BURST, 2 * MAX_FRAME), now);
    this.#packets = new TokenBucket(packetsPerSecond, Math.max(packetsPerSecond * BURST, 256), now);
    this.queue = new OutgoingQueue(
      (frame, taken) => connection.write(frame, taken),
      (packets) => this.count('droppedQueue', packets),
    );
  }

  get waitingBytes(): number {
    return this.queue.waitingBytes;
  }

  get isIdle(): boolean {
    return this.queue.isEmpty;
  }

  receive(frame: Buffer): void {
    this.#board.receive(frame);
  }

  send(frame: RelayFrame): void {
    this.queue.push(Buffer.from(RelayFrame.encode(frame).finish()), 0);
  }

  detach(): void {
    this.queue.close();
    this.#board.detach();
  }

  mayCarry(packets: number, bytes: number, now: number): boolean {
    if (!this.#packets.take(packets, now)) return false;
    if (this.#bytes.take(bytes, now)) return true;
    this.#packets.giveBack(packets);
    return false;
  }

  count(what: keyof RelayCounters, by: number): void {
    this.counters[what] += by;
    this.#total[what] += by;
  }
}

/** The sequence of a ping, the only frame but datagrams that a client sends; null for anything else. Pings are short. */
function pingIn(frame: Buffer): bigint | null {
  if (frame.length > 32) return null;
  try {
    const read = RelayFrame.decode(frame).frame;
    return read?.$case === 'ping' ? read.value.sequence : null;
  } catch {
    return null;
  }
}
