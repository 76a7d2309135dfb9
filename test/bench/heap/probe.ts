/**
 * Loaded into an agent by `node --import`: lets the benchmark look into the heaps of its data plane, the tunnel's worker
 * threads, while that runs as ever. The main thread speaks to the workers by V8's inspector, which interrupts a thread at
 * a moment of its own choice, so nothing in the data plane knows of it.
 *
 * On the Unix socket $WARREN_HEAP_PROBE a line `start` begins to record; `stop` ends it and is answered by a Recording of
 * every worker, as JSON.
 */
import { Session } from 'node:inspector/promises';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { isMainThread } from 'node:worker_threads';
import type { Recording } from './recording.ts';

/**
 * Mean distance of the sampling profiler's samples, bytes. It samples by chance, and scales what it saw up to what there
 * was; the exact amount comes from the heap's size between collections.
 */
const SAMPLING_INTERVAL = 512;

/** These run in the workers. GCProfiler notes the heap's size before and after every collection. */
const BEGIN = `{
  const { GCProfiler, getHeapStatistics } = process.getBuiltinModule('node:v8');
  const profiler = new GCProfiler();
  profiler.start();
  globalThis.heapProbe = { profiler, used: getHeapStatistics().used_heap_size };
}; 0`;
const END = `(() => {
  const usedAtEnd = process.getBuiltinModule('node:v8').getHeapStatistics().used_heap_size;
  const { profiler, used: usedAtStart } = globalThis.heapProbe;
  const collections = profiler.stop().statistics.map(({ gcType, cost, beforeGC, afterGC }) => ({
    kind: gcType,
    microseconds: cost,
    usedBefore: beforeGC.heapStatistics.usedHeapSize,
    usedAfter: afterGC.heapStatistics.usedHeapSize,
  }));
  return JSON.stringify({ usedAtStart, usedAtEnd, collections });
})()`;

/** A worker thread at the other end of the inspector's protocol. */
class WorkerHeap {
  readonly #send: (message: string) => Promise<unknown>;
  readonly #waiting = new Map<number, PromiseWithResolvers<any>>();
  #lastId = 0;

  constructor(send: (message: string) => Promise<unknown>) {
    this.#send = send;
  }

  receive(message: string): void {
    const { id, result, error } = JSON.parse(message);
    if (error) this.#waiting.get(id)?.reject(new Error(error.message));
    else this.#waiting.get(id)?.resolve(result);
    this.#waiting.delete(id);
  }

  async start(): Promise<void> {
    await this.#ask('HeapProfiler.startSampling', {
      samplingInterval: SAMPLING_INTERVAL,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    await this.#evaluate(BEGIN);
  }

  async stop(): Promise<Recording> {
    const heap = JSON.parse(await this.#evaluate(END));
    const { profile } = await this.#ask('HeapProfiler.stopSampling');
    return { ...heap, profile: profile.head };
  }

  async #ask(method: string, params: object = {}): Promise<any> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<any>();
    this.#waiting.set(id, answer);
    await this.#send(JSON.stringify({ id, method, params }));
    return answer.promise;
  }

  async #evaluate(expression: string): Promise<any> {
    const answer = await this.#ask('Runtime.evaluate', { expression, returnByValue: true });
    const { result, exceptionDetails: problem } = answer;
    if (problem) throw new Error(problem.exception?.description ?? problem.text);
    return result.value;
  }
}

async function probe(path: string): Promise<void> {
  const main = new Session();
  main.connect();
  const heaps = new Map<string, WorkerHeap>();
  // Told of workers that workers started as well.
  main.on('NodeWorker.attachedToWorker', ({ params: { sessionId } }) => {
    const send = (message: string) => main.post('NodeWorker.sendMessageToWorker', { sessionId, message });
    heaps.set(sessionId, new WorkerHeap(send));
  });
  main.on('NodeWorker.receivedMessageFromWorker', ({ params: { sessionId, message } }) =>
    heaps.get(sessionId)?.receive(message),
  );
  await main.post('NodeWorker.enable', { waitForDebuggerOnStart: false });

  const verbs: Record<string, () => Promise<unknown>> = {
    start: () => Promise.all([...heaps.values()].map((heap) => heap.start())),
    stop: () => Promise.all([...heaps.values()].map((heap) => heap.stop())),
  };
  createServer((socket) => {
    createInterface(socket).on('line', async (verb) => {
      try {
        socket.write(`${JSON.stringify({ answer: await verbs[verb]!() })}\n`);
      } catch (error) {
        socket.write(`${JSON.stringify({ error: String(error) })}\n`);
      }
    });
  })
    .listen(path)
    .unref();
}

const path = process.env.WARREN_HEAP_PROBE;
// Every thread loads what --import names: only the main one listens.
if (isMainThread && path !== undefined) await probe(path);
