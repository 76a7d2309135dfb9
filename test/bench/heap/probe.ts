/**
 * Loaded into an agent by `node --import`: lets the benchmark look into the heap of its data plane, the tunnel's worker
 * thread, while that runs as ever. The main thread speaks to the worker by V8's inspector, which interrupts a thread at
 * a moment of its own choice, so nothing in the data plane knows of it.
 *
 * On the Unix socket $WARREN_HEAP_PROBE a line `start` begins to record; `stop` ends it and is answered by a Recording as JSON.
 */
import { Session } from 'node:inspector/promises';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { isMainThread } from 'node:worker_threads';
import type { ProfileNode, Recording } from './recording.ts';

/**
 * Mean distance of the sampling profiler's samples, bytes. It samples by chance, and scales what it saw up to what there
 * was; the exact amount comes from the heap's size between collections.
 */
const SAMPLING_INTERVAL = 512;

/** These run in the worker. GCProfiler notes the heap's size before and after every collection. */
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

type Reply = { id: number; result?: any; error?: { message: string } };

async function probe(path: string): Promise<void> {
  const main = new Session();
  main.connect();
  const waiting = new Map<number, PromiseWithResolvers<any>>();
  const attached = Promise.withResolvers<string>();
  let lastId = 0;
  main.on('NodeWorker.attachedToWorker', ({ params }) => attached.resolve(params.sessionId));
  main.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
    const { id, result, error } = JSON.parse(params.message) as Reply;
    const request = waiting.get(id);
    waiting.delete(id);
    if (error) request?.reject(new Error(error.message));
    else request?.resolve(result);
  });
  await main.post('NodeWorker.enable', { waitForDebuggerOnStart: false });

  const ask = async (method: string, params: object = {}) => {
    const id = ++lastId;
    const answer = Promise.withResolvers<any>();
    waiting.set(id, answer);
    const sessionId = await attached.promise;
    await main.post('NodeWorker.sendMessageToWorker', {
      sessionId,
      message: JSON.stringify({ id, method, params }),
    });
    return answer.promise;
  };
  const evaluate = async (expression: string) => {
    const { result, exceptionDetails } = await ask('Runtime.evaluate', { expression, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };

  const verbs: Record<string, () => Promise<Recording | null>> = {
    async start() {
      await ask('HeapProfiler.startSampling', {
        samplingInterval: SAMPLING_INTERVAL,
        includeObjectsCollectedByMajorGC: true,
        includeObjectsCollectedByMinorGC: true,
      });
      await evaluate(BEGIN);
      return null;
    },
    async stop() {
      const heap = JSON.parse(await evaluate(END));
      const { profile } = await ask('HeapProfiler.stopSampling');
      return { ...heap, profile: profile.head as ProfileNode };
    },
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
