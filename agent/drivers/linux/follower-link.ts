import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { FollowerReport, FollowerUpdate } from '../../wireguard/follower-updates.ts';
import { Eventfd } from './eventfd.ts';
import type { Wakeup } from './loop.ts';
import type { TunFacts } from './tun.ts';
import type { SocketFacts } from './udp-open.ts';

/** From the tunnel's first worker to a follower, in order. */
export type LinkUpdate =
  | FollowerUpdate
  /** The sockets to use from now on; the follower owns them. */
  | { kind: 'sockets'; sockets: SocketFacts[] }
  /** End, and say so in the shared cells. */
  | { kind: 'end' };

/** From a follower to the first worker. */
export type LinkReport =
  | FollowerReport
  | { kind: 'counters'; counts: Record<string, number> }
  | { kind: 'failed'; reason: string };

/** What a follower's thread is started with. */
export interface FollowerStart {
  worker: number;
  tun: TunFacts;
  mtu: number;
  port: MessagePort;
  cells: SharedArrayBuffer;
  /** Eventfds: that by which this follower is woken, and that of the first worker. */
  wake: number;
  wakeFirst: number;
}

/** The shared cells, 32 bits each: updates posted; packets handed over and not yet taken; 1 when the follower has ended. */
const POSTED = 0;
const UNDER_WAY = 1;
const ENDED = 2;
export const CELLS_LENGTH = 12;

/** Packets that may be on their way to the first worker at once. */
const MAX_UNDER_WAY = 256;
/** How long a follower may take to end, milliseconds. */
const END_PATIENCE = 10_000;

const takesRoom = (report: LinkReport) => report.kind === 'packet' || report.kind === 'datagram';

/** The first worker's end. */
export class FollowerLink {
  readonly cells: SharedArrayBuffer;
  readonly #cells: Int32Array;
  readonly #port: MessagePort;
  readonly #wake: Eventfd;
  /** The driver's counters of that follower, as last reported. */
  counts: Record<string, number> = {};

  constructor(port: MessagePort, wake: Eventfd) {
    this.#port = port;
    this.#wake = wake;
    this.cells = new SharedArrayBuffer(CELLS_LENGTH);
    this.#cells = new Int32Array(this.cells);
  }

  post(update: LinkUpdate): void {
    this.#port.postMessage(update);
    // After the message: a follower that sees the number finds the message.
    Atomics.add(this.#cells, POSTED, 1);
    this.#wake.signal();
  }

  /** The next report that waits, or undefined. */
  take(): LinkReport | undefined {
    const report = receiveMessageOnPort(this.#port)?.message as LinkReport | undefined;
    if (report !== undefined && takesRoom(report)) Atomics.sub(this.#cells, UNDER_WAY, 1);
    return report;
  }

  /** Ends the follower and waits until it uses no descriptor any more. False if it does not end. */
  end(): boolean {
    this.post({ kind: 'end' });
    Atomics.wait(this.#cells, ENDED, 0, END_PATIENCE);
    this.#port.close();
    return Atomics.load(this.#cells, ENDED) === 1;
  }
}

/** A follower's end. */
export class FirstWorkerLink implements Wakeup {
  readonly wakeDescriptor: number;
  readonly #cells: Int32Array;
  readonly #port: MessagePort;
  readonly #wake: Eventfd;
  readonly #first: Eventfd;
  readonly #apply: (update: FollowerUpdate) => void;
  readonly #useSockets: (sockets: SocketFacts[]) => void;
  #taken = 0;
  /** What a loop in the middle of its work must not be given. */
  #deferred: (LinkUpdate & { kind: 'sockets' | 'end' })[] = [];

  constructor(
    start: FollowerStart,
    apply: (update: FollowerUpdate) => void,
    useSockets: (sockets: SocketFacts[]) => void,
  ) {
    this.wakeDescriptor = start.wake;
    this.#cells = new Int32Array(start.cells);
    this.#port = start.port;
    this.#wake = Eventfd.of(start.wake);
    this.#first = Eventfd.of(start.wakeFirst);
    this.#apply = apply;
    this.#useSockets = useSockets;
  }

  mayHandOver(): boolean {
    return Atomics.load(this.#cells, UNDER_WAY) < MAX_UNDER_WAY;
  }

  report(report: LinkReport): void {
    if (takesRoom(report)) Atomics.add(this.#cells, UNDER_WAY, 1);
    this.#port.postMessage(report);
    this.#first.signal();
  }

  /** Applies what the device has to say; what concerns the loop waits for `run`. */
  takeUpdates(): void {
    while (Atomics.load(this.#cells, POSTED) !== this.#taken) {
      const update = receiveMessageOnPort(this.#port)?.message as LinkUpdate | undefined;
      if (update === undefined) return;
      this.#taken = (this.#taken + 1) | 0;
      if (update.kind === 'sockets' || update.kind === 'end') this.#deferred.push(update);
      else this.#apply(update);
    }
  }

  run(): boolean {
    this.#wake.drain();
    this.takeUpdates();
    for (const update of this.#deferred.splice(0)) {
      if (update.kind === 'end') return false;
      this.#useSockets(update.sockets);
    }
    return true;
  }

  /** To be called when this thread uses no descriptor any more. */
  ended(): void {
    Atomics.store(this.#cells, ENDED, 1);
    Atomics.notify(this.#cells, ENDED);
    this.#port.close();
  }
}
