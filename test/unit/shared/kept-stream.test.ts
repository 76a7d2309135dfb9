import { EventEmitter } from 'node:events';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { WarrenError } from '../../../shared/errors.ts';
import { KeptStream } from '../../../shared/kept-stream.ts';
import { createLogger } from '../../../shared/log.ts';

/** As long as the first two pauses may be, milliseconds. */
const PAUSE = 1_000;

class FakeStream extends EventEmitter {
  readonly url: string;
  readonly written: string[] = [];
  writableNeedDrain = false;
  isCancelled = false;
  isClosed = false;

  constructor(url: string) {
    super();
    this.url = url;
  }

  write(request: string): void {
    this.written.push(request);
  }

  cancel(): void {
    this.isCancelled = true;
    // As gRPC does.
    this.emit('error', { code: status.CANCELLED, details: 'cancelled' });
  }
}

let streams: FakeStream[];
let heard: string[];
let connections: boolean[];
let refused: WarrenError[];
let beats: number;
let kept: KeptStream<{ close(): void }, string, string>;

const stream = (n: number) => streams[n - 1] as FakeStream;

beforeEach(() => {
  vi.useFakeTimers();
  [streams, heard, connections, refused, beats] = [[], [], [], [], 0];
  kept = new KeptStream(
    {
      urls: () => ['a', 'b'],
      open: (url) => {
        const opened = new FakeStream(url);
        streams.push(opened);
        return {
          client: {
            close: () => {
              opened.isClosed = true;
            },
          },
          stream: opened as never,
        };
      },
      greeting: () => ['hello', 'report'],
      heartbeat: (sequence) => `beat ${sequence}`,
      received: (response) => {
        if (response === 'nonsense') throw new Error('nonsense');
        heard.push(response);
      },
      connected: (isConnected) => connections.push(isConnected),
      beat: () => beats++,
      refused: (error) => refused.push(error),
    },
    { monotonic: () => Date.now(), wall: () => Date.now() },
    createLogger('silent', 'test'),
  );
});

afterEach(() => {
  kept.close();
  vi.useRealTimers();
});

it('greets at once, and is connected when it is answered', () => {
  expect(kept.client).toBeNull();
  kept.send('lost');
  kept.start();
  expect(stream(1).written).toEqual(['hello', 'report']);
  expect([kept.isConnected, kept.isReady, connections]).toEqual([false, false, []]);
  stream(1).emit('data', 'welcome');
  expect([kept.isConnected, kept.isReady, connections, heard]).toEqual([true, true, [true], ['welcome']]);
  stream(1).writableNeedDrain = true;
  expect(kept.isReady).toBe(false);
});

it('comes back by the next address after a pause, and greets again', () => {
  kept.start();
  const first = stream(1);
  first.emit('data', 'welcome');
  first.emit('error', { code: status.UNAVAILABLE, details: 'away' });
  expect([connections, first.isCancelled, first.isClosed, streams.length]).toEqual([
    [true, false],
    true,
    true,
    1,
  ]);
  vi.advanceTimersByTime(PAUSE);
  expect(stream(2)).toMatchObject({ url: 'b', written: ['hello', 'report'] });
  stream(2).emit('end');
  vi.advanceTimersByTime(PAUSE);
  expect(stream(3).url).toBe('a');
});

it('of a stream that was given up nothing is heard any more', () => {
  kept.start();
  const first = stream(1);
  const listeners = first.listeners('data');
  first.emit('data', 'welcome');
  kept.reconnect();
  for (const listener of listeners) listener('late');
  expect([heard, streams.length]).toEqual([['welcome'], 2]);
});

it('what cannot be taken is a loss of the stream', () => {
  kept.start();
  stream(1).emit('data', 'nonsense');
  expect(connections).toEqual([true, false]);
  vi.advanceTimersByTime(PAUSE);
  expect(streams).toHaveLength(2);
});

it('sends something every 5 s, and notices within 16 that the other end is silent', () => {
  kept.start();
  stream(1).emit('data', 'welcome');
  vi.advanceTimersByTime(11_000);
  expect(stream(1).written.slice(2)).toEqual(['beat 1', 'beat 2']);
  expect(beats).toBe(2);
  vi.advanceTimersByTime(5_000);
  expect(connections).toEqual([true, false]);
});

it('an answer that never comes is silence too, and no heartbeat is sent meanwhile', () => {
  kept.start();
  vi.advanceTimersByTime(15_000);
  expect([stream(1).written, stream(1).isCancelled]).toEqual([['hello', 'report'], false]);
  vi.advanceTimersByTime(1_000);
  expect([stream(1).isCancelled, connections]).toEqual([true, []]);
});

it('pauses grow with failures, and begin anew when the coordinator has answered', () => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  kept.start();
  const fail = () => streams.at(-1)?.emit('error', { code: status.UNAVAILABLE, details: 'away' });
  const pause = () => {
    const before = streams.length;
    fail();
    let waited = 0;
    for (; streams.length === before; waited += 500) vi.advanceTimersByTime(500);
    return waited;
  };
  expect([pause(), pause(), pause()]).toEqual([500, 1_000, 2_000]);
  streams.at(-1)?.emit('data', 'welcome');
  expect(pause()).toBe(500);
});

it('UNAUTHENTICATED ends it: nothing is tried again', () => {
  kept.start();
  stream(1).emit('data', 'welcome');
  stream(1).emit('error', { code: status.UNAUTHENTICATED, details: 'removed' });
  expect(refused).toMatchObject([{ code: 'unauthenticated', message: 'removed' }]);
  expect(connections).toEqual([true, false]);
  vi.advanceTimersByTime(600 * PAUSE);
  expect(streams).toHaveLength(1);
});

it('connects anew at once when it is asked to, also in a pause, but not before it has begun or after its end', () => {
  kept.reconnect();
  expect(streams).toHaveLength(0);
  kept.start();
  stream(1).emit('error', { code: status.UNAVAILABLE, details: 'away' });
  kept.reconnect();
  expect(streams).toHaveLength(2);
  vi.advanceTimersByTime(5_000);
  expect(streams).toHaveLength(2);
  kept.close();
  kept.reconnect();
  vi.advanceTimersByTime(PAUSE);
  expect(streams).toHaveLength(2);
});
