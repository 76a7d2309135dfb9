import { describe, expect, it } from 'vitest';
import { MAX_WAITING, SendQueue } from '../../../agent/relay/send-queue.ts';
import {
  MAX_WAITING_BYTES,
  MAX_WAITING_FRAMES,
  OutgoingQueue,
} from '../../../coordinator/relay/outgoing-queue.ts';
import { RelayFrame } from '../../../proto/gen/warren.ts';
import { TokenBucket } from '../../../shared/token-bucket.ts';

describe("what waits for one client of the relay's", () => {
  function stuck() {
    const written: Buffer[] = [];
    const taken: (() => void)[] = [];
    let dropped = 0;
    const queue = new OutgoingQueue(
      (frame, done) => {
        written.push(frame);
        taken.push(done);
      },
      (packets) => {
        dropped += packets;
      },
    );
    return { queue, written, taken, dropped: () => dropped };
  }
  const frame = (length: number, mark = 0) => Buffer.alloc(length, mark);

  it('goes out at once while the connection keeps up', () => {
    const { queue, written, taken } = stuck();
    queue.push(frame(1000), 1);
    queue.push(frame(1000), 1);
    expect(written).toHaveLength(2);
    for (const done of taken) done();
    expect(queue.isEmpty).toBe(true);
  });

  it('SEC-34: stays within its bounds; the oldest give way and are counted', () => {
    const { queue, written, taken, dropped } = stuck();
    for (let i = 0; i < 100; i++) queue.push(frame(64 * 1024, i), 40);
    expect(written.map((one) => one[0])).toEqual([0, 1]);
    expect(queue.waitingBytes).toBe(MAX_WAITING_BYTES);
    expect(dropped()).toBe((100 - 2 - 4) * 40);
    for (let i = 0; i < taken.length; i++) (taken[i] as () => void)();
    expect(written.map((one) => one[0])).toEqual([0, 1, 96, 97, 98, 99]);
    expect(queue.isEmpty).toBe(true);
  });

  it('SEC-34: small frames have a bound too, and do not hold on to the large buffers that they lie in', () => {
    const { queue, written, taken, dropped } = stuck();
    queue.push(frame(128 * 1024), 1);
    const large = Buffer.alloc(1 << 20, 7);
    for (let i = 0; i < 2 * MAX_WAITING_FRAMES; i++) queue.push(large.subarray(i, i + 100), 1);
    expect(dropped()).toBe(MAX_WAITING_FRAMES);
    for (let i = 0; i < taken.length; i++) (taken[i] as () => void)();
    expect(written).toHaveLength(1 + MAX_WAITING_FRAMES);
    expect(written.slice(1).every((one) => one.buffer !== large.buffer && one[0] === 7)).toBe(true);
  });

  it('is nothing once it is closed', () => {
    const { queue, written, taken } = stuck();
    queue.push(frame(128 * 1024), 1);
    queue.push(frame(10), 1);
    queue.close();
    for (const done of taken) done();
    queue.push(frame(10), 1);
    expect(written).toHaveLength(1);
  });
});

describe('what an agent sends by relay', () => {
  function queued() {
    const frames: { nodeId: string; datagrams: Buffer[] }[] = [];
    const taken: (() => void)[] = [];
    const queue = new SendQueue((frame, done) => {
      const read = RelayFrame.decode(frame).frame;
      if (read?.$case === 'datagrams') frames.push(read.value);
      taken.push(done);
    });
    return { queue, frames, taken };
  }

  it('in one turn to one node is one frame, in its order', async () => {
    const { queue, frames } = queued();
    queue.push('a', Buffer.from('1'));
    queue.push('a', Buffer.from('2'));
    queue.push('b', Buffer.from('3'));
    queue.push('a', Buffer.from('4'));
    await Promise.resolve();
    expect(frames.map(({ nodeId, datagrams }) => `${nodeId}:${datagrams.join()}`)).toEqual([
      'a:1,2',
      'b:3',
      'a:4',
    ]);
  });

  it('waits while the connection is full, and the oldest give way', async () => {
    const { queue, frames, taken } = queued();
    for (let i = 0; i < 64; i++) queue.push('a', Buffer.alloc(8192, i));
    await Promise.resolve();
    const first = frames.reduce((sum, { datagrams }) => sum + datagrams.length, 0);
    for (let i = 0; i < 200; i++) queue.push('a', Buffer.alloc(8192, i));
    await Promise.resolve();
    expect(queue.dropped).toBe(64 + 200 - first - MAX_WAITING / 8192);
    frames.length = 0;
    for (let i = 0; i < taken.length; i++) (taken[i] as () => void)();
    const rest = frames.flatMap(({ datagrams }) => datagrams.map((datagram) => datagram[0]));
    expect(rest).toEqual(Array.from({ length: 64 }, (_, i) => 136 + i));
  });

  it('is forgotten when the connection is lost, and the next one starts afresh', async () => {
    const { queue, frames, taken } = queued();
    for (let i = 0; i < 64; i++) queue.push('a', Buffer.alloc(8192));
    await Promise.resolve();
    queue.clear();
    for (const done of taken) done();
    frames.length = 0;
    queue.push('a', Buffer.from('new'));
    await Promise.resolve();
    expect(frames.map(({ datagrams }) => datagrams.join())).toEqual(['new']);
  });
});

describe('a token bucket', () => {
  it('lets the burst through at once and then the rate', () => {
    const bucket = new TokenBucket(10, 5, 0);
    const take = (now: number) =>
      Array.from({ length: 10 }, () => bucket.take(1, now)).filter(Boolean).length;
    expect(take(0)).toBe(5);
    expect(take(100)).toBe(1);
    expect(take(350)).toBe(2);
    expect(take(100_000)).toBe(5);
  });

  it('takes all or nothing, and a clock that stands still gives nothing', () => {
    const bucket = new TokenBucket(10, 5, 0);
    expect(bucket.take(6, 1_000)).toBe(false);
    expect(bucket.take(5, 1_000)).toBe(true);
    expect(bucket.take(1, 1_000)).toBe(false);
    bucket.giveBack(1);
    expect(bucket.take(1, 1_000)).toBe(true);
  });
});
