import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RelayFrame } from '../../../proto/gen/warren.ts';
import {
  encodeDatagrams,
  forEachDatagram,
  isDatagramFrame,
  MAX_DATAGRAMS,
  nodeIdOf,
  readDatagramFrame,
  withNodeId,
} from '../../../shared/relay-frame.ts';

const generated = (nodeId: string, datagrams: Uint8Array[]) =>
  Buffer.from(
    RelayFrame.encode({
      frame: { $case: 'datagrams', value: { nodeId, datagrams: datagrams.map((d) => Buffer.from(d)) } },
    }).finish(),
  );

function contents(frame: Buffer): { nodeId: string; datagrams: Buffer[] } | null {
  const read = readDatagramFrame(frame);
  if (read === null) return null;
  const datagrams: Buffer[] = [];
  forEachDatagram(frame, read, (datagram) => datagrams.push(Buffer.from(datagram)));
  expect(read.count).toBe(datagrams.length);
  expect(read.bytes).toBe(datagrams.reduce((sum, { length }) => sum + length, 0));
  return { nodeId: nodeIdOf(frame, read), datagrams };
}

describe('frames of datagrams', () => {
  const lengths = fc.array(fc.oneof(fc.nat(300), fc.constantFrom(0, 127, 128, 16_383, 16_384)), {
    maxLength: 6,
  });

  it('are what the generated code writes and reads', () => {
    fc.assert(
      fc.property(lengths, fc.constantFrom('a', '0123456789abcdef0123', 'x'.repeat(64)), (sizes, nodeId) => {
        const datagrams = sizes.map((size) => new Uint8Array(randomBytes(size)));
        const frame = encodeDatagrams(nodeId, datagrams);
        expect(frame.equals(generated(nodeId, datagrams))).toBe(true);
        expect(isDatagramFrame(frame)).toBe(true);
        expect(contents(frame)).toEqual({ nodeId, datagrams: datagrams.map((d) => Buffer.from(d)) });
        expect(RelayFrame.decode(frame).frame?.$case).toBe('datagrams');
      }),
      { numRuns: 200 },
    );
  });

  it.each(['relay', 'node-b', 'a longer one'])(
    'get the id %s instead of their own, and keep the rest',
    (id) => {
      const datagrams = [randomBytes(3), randomBytes(200)];
      const frame = encodeDatagrams('node-a', datagrams);
      const read = readDatagramFrame(frame);
      const other = withNodeId(frame, read!, Buffer.from(id));
      expect(contents(other)).toEqual({ nodeId: id, datagrams });
      // In place where that can be.
      expect(other === frame).toBe(id.length === 6);
    },
  );

  it('of more than they may hold are neither written nor read', () => {
    const many = Array.from({ length: MAX_DATAGRAMS + 1 }, () => new Uint8Array(1));
    expect(() => encodeDatagrams('a', many)).toThrow(RangeError);
    expect(readDatagramFrame(generated('a', many))).toBeNull();
    const large = [new Uint8Array(65_000), new Uint8Array(65_000), new Uint8Array(2_000)];
    expect(() => encodeDatagrams('a', large)).toThrow(RangeError);
    expect(readDatagramFrame(generated('a', large))).toBeNull();
  });

  it('that are cut off, or have something else in them, are none, and nothing throws', () => {
    const frame = encodeDatagrams('node-a', [randomBytes(10), randomBytes(200)]);
    for (let length = 0; length < frame.length; length++) {
      expect(readDatagramFrame(frame.subarray(0, length))).toBeNull();
    }
    expect(readDatagramFrame(Buffer.concat([frame, frame]))).toBeNull();
    expect(readDatagramFrame(encodeDatagrams('é', []))).toBeNull();
    fc.assert(
      fc.property(fc.nat(frame.length - 1), fc.nat(255), (at, value) => {
        const changed = Buffer.from(frame);
        changed[at] = value;
        if (readDatagramFrame(changed) !== null) contents(changed);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const some = Buffer.from([0x0a, ...bytes]);
        if (readDatagramFrame(some) !== null) contents(some);
      }),
      { numRuns: 2_000 },
    );
  });
});
