import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, WarrenError } from '../../shared/errors.ts';
import type { DeviceChange } from '../wireguard/configuration.ts';
import type {
  PlainPathsChange,
  SocketChange,
  TunnelEvent,
  TunnelFacts,
  TunnelNews,
  TunnelOptions,
  TunnelReply,
  TunnelRequest,
  TunnelSnapshot,
} from './commands.ts';
import { RelayBacklog } from './relay-backlog.ts';

type RequestBody = TunnelRequest extends infer R ? (R extends TunnelRequest ? Omit<R, 'id'> : never) : never;

/** What is written to an eventfd to make it readable: the number one as a native 64-bit integer. */
const WAKE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

interface Waiting {
  resolve: (reply: TunnelReply & { ok: true }) => void;
  reject: (error: WarrenError) => void;
}

/** The main thread's hold on a tunnel: a network interface, its UDP port and a device, in a worker thread of their own. */
export class Tunnel {
  readonly facts: TunnelFacts;
  /** Settles when the tunnel has ended: somebody deleted the interface, or `close` was called. Rejects if it broke. */
  readonly closed: Promise<'removed' | 'requested'>;
  readonly #worker: Worker;
  readonly #backlog: RelayBacklog;
  readonly #wakeDescriptor: number;
  readonly #waiting: Map<number, Waiting>;
  #nextId = 1;
  #ended = false;

  private constructor(
    worker: Worker,
    ready: { facts: TunnelFacts; wakeDescriptor: number },
    waiting: Map<number, Waiting>,
    closed: Promise<'removed' | 'requested'>,
    backlog: RelayBacklog,
  ) {
    this.#backlog = backlog;
    this.facts = ready.facts;
    this.#wakeDescriptor = ready.wakeDescriptor;
    this.#worker = worker;
    this.#waiting = waiting;
    this.closed = closed;
    const end = () => {
      this.#ended = true;
      for (const { reject } of waiting.values())
        reject(new WarrenError('unavailable', 'the tunnel has ended'));
      waiting.clear();
    };
    closed.then(end, end);
  }

  /**
   * Opens a tunnel. Throws what the driver says: `in-use`, `permission-denied`, `unsupported`. `onNews` is told what the
   * worker has to say by itself.
   */
  static open(options: TunnelOptions, onNews: (news: TunnelNews) => void): Promise<Tunnel> {
    const backlog = new RelayBacklog();
    const worker = new Worker(new URL('worker.ts', import.meta.url), {
      workerData: { ...options, relayBacklog: backlog.memory } satisfies TunnelOptions,
      name: `tunnel ${options.interfaceName}`,
    });
    const waiting = new Map<number, Waiting>();
    const ended = Promise.withResolvers<'removed' | 'requested'>();
    ended.promise.catch(() => {});
    return new Promise<Tunnel>((resolve, reject) => {
      const fail = (error: WarrenError) => {
        reject(error);
        ended.reject(error);
      };
      worker.on('message', (message: TunnelEvent | TunnelReply) => {
        if ('id' in message) {
          const request = waiting.get(message.id);
          waiting.delete(message.id);
          if (message.ok) request?.resolve(message);
          else request?.reject(rebuiltError(message));
          return;
        }
        switch (message.event) {
          case 'ready':
            resolve(new Tunnel(worker, message, waiting, ended.promise, backlog));
            return;
          case 'relay':
            backlog.arrived('out', message.bytes.length);
            onNews(message);
            return;
          case 'closed':
            ended.resolve(message.reason);
            return;
          case 'failed':
            fail(rebuiltError(message));
            return;
          default:
            onNews(message);
        }
      });
      worker.on('error', (cause) => {
        fail(new WarrenError('internal', `the data plane broke: ${String(cause)}`, { cause }));
      });
      worker.on('exit', () => fail(new WarrenError('internal', 'the data plane ended by itself')));
    });
  }

  /** Changes device and socket; the socket first, so that a port in use changes nothing. */
  async configure(device: DeviceChange, socket: SocketChange = {}): Promise<void> {
    await this.#ask({ verb: 'configure', device, socket });
  }

  /** Tells path discovery of this host, its network and its peers; what is absent stays. Peers must be configured before. */
  async setPaths(paths: PlainPathsChange): Promise<void> {
    await this.#ask({ verb: 'paths', paths });
  }

  /**
   * Takes datagrams that the relay brought from a peer, of `segmentSize` bytes but the last. They are dropped while too many are on
   * their way.
   */
  relayed(publicKey: Uint8Array, bytes: Uint8Array, segmentSize: number): void {
    if (this.#ended || !this.#backlog.take('in', bytes.length, Math.ceil(bytes.length / segmentSize))) return;
    this.#post({ verb: 'relayed', publicKey, bytes, segmentSize });
  }

  /** What there is now. The caller wipes the keys in it. */
  async snapshot(): Promise<TunnelSnapshot> {
    const { snapshot } = await this.#ask({ verb: 'snapshot' });
    return snapshot as TunnelSnapshot;
  }

  /** Takes the interface away; resolves when it is gone. */
  async close(): Promise<void> {
    if (!this.#ended) {
      await this.#ask({ verb: 'close' }).catch((error: unknown) => {
        if (!this.#ended) throw error;
      });
    }
    await this.closed.catch(() => {});
  }

  #ask(body: RequestBody): Promise<TunnelReply & { ok: true }> {
    if (this.#ended) return Promise.reject(new WarrenError('unavailable', 'the tunnel has ended'));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#post({ ...body, id });
    });
  }

  #post(message: object): void {
    this.#worker.postMessage(message);
    if (this.#wakeDescriptor >= 0) writeSync(this.#wakeDescriptor, WAKE);
  }
}

function rebuiltError(plain: { code: string; message: string; hint?: string }): WarrenError {
  const options = plain.hint === undefined ? {} : { hint: plain.hint };
  return new WarrenError(plain.code as ErrorCode, plain.message, options);
}
