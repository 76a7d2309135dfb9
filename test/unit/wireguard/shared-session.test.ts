import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { SharedCounter, shareSession, takeKeys } from '../../../agent/wireguard/shared-session.ts';

const keys = () => ({ sending: new Uint8Array(32).fill(1), receiving: new Uint8Array(32).fill(2) });

describe('a session that several workers take part in', () => {
  it('SEC-17: threads that count at the same time never get a number twice, nor leave one out', async () => {
    const memory = shareSession(keys(), 3);
    const each = 300_000;
    const module = new URL('../../../agent/wireguard/shared-session.ts', import.meta.url).href;
    const code = `
      const { workerData, parentPort } = require('node:worker_threads');
      import(${JSON.stringify(module)}).then(({ SharedCounter }) => {
        const counter = new SharedCounter(workerData.memory);
        const start = new Int32Array(workerData.start);
        Atomics.add(start, 0, 1);
        Atomics.notify(start, 0);
        for (let ready = Atomics.load(start, 0); ready < 3; ready = Atomics.load(start, 0)) Atomics.wait(start, 0, ready);
        const taken = new Float64Array(${each});
        for (let i = 0; i < ${each}; i++) taken[i] = counter.take();
        parentPort.postMessage(taken);
      });`;
    const start = new SharedArrayBuffer(4);
    const taken = await Promise.all(
      [1, 2, 3].map(
        () =>
          new Promise<Float64Array>((resolve, reject) => {
            const worker = new Worker(code, { eval: true, workerData: { memory, start } });
            worker.once('message', resolve).once('error', reject);
          }),
      ),
    );
    const seen = new Uint8Array(3 * each);
    for (const counters of taken) {
      for (const counter of counters) seen[counter] = (seen[counter] as number) + 1;
      // Each thread's own are in order.
      expect(counters.every((counter, i) => i === 0 || counter > (counters[i - 1] as number))).toBe(true);
    }
    expect(seen.every((count) => count === 1)).toBe(true);
  });

  it('SEC-12: the counter ends before 32 bits do, for every worker', () => {
    const memory = shareSession(keys(), 1);
    const [one, other] = [new SharedCounter(memory), new SharedCounter(memory)];
    new Uint32Array(memory, 0, 1)[0] = one.rejectAfter - 2;
    expect([one.take(), other.take(), one.take(), other.take()]).toEqual([
      one.rejectAfter - 2,
      one.rejectAfter - 1,
      -1,
      -1,
    ]);
    expect(one.value).toBe(one.rejectAfter);
    expect(one.rekeyAfter).toBeLessThan(one.rejectAfter);
    expect(one.rejectAfter).toBeLessThan(2 ** 32);
  });

  it('its keys are wiped once every follower has taken them, and the copies handed out too', () => {
    const memory = shareSession(keys(), 2);
    const bytes = new Uint8Array(memory);
    const handedOut: Uint8Array[] = [];
    const take = () =>
      takeKeys(memory, ({ sending, receiving }) => {
        expect([sending, receiving]).toEqual([keys().sending, keys().receiving]);
        handedOut.push(sending, receiving);
      });
    take();
    expect(bytes.includes(1) && bytes.includes(2)).toBe(true);
    take();
    expect(bytes.subarray(8).every((byte) => byte === 0)).toBe(true);
    expect(handedOut.every((key) => key.every((byte) => byte === 0))).toBe(true);
  });
});
