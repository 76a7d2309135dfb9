import fc from 'fast-check';
import { expect, it } from 'vitest';
import { dumpRequest, readDump } from '../../../agent/flows/conntrack-message.ts';
import { formatIp } from '../../../shared/ip.ts';

/** An attribute, padded to 32 bits. */
function attribute(type: number, value: readonly number[]): number[] {
  const padding = Array<number>(-value.length & 3).fill(0);
  return [(value.length + 4) & 255, (value.length + 4) >> 8, type & 255, type >> 8, ...value, ...padding];
}
const NESTED = 0x8000;
const nest = (type: number, ...inner: number[][]) => attribute(type | NESTED, inner.flat());

function message(type: number, body: readonly number[]): number[] {
  const length = 16 + body.length;
  const u16 = (value: number) => [value & 255, value >> 8];
  return [...u16(length), 0, 0, ...u16(type), ...u16(2), 1, 0, 0, 0, 0, 0, 0, 0, ...body];
}
const FAMILY = [2, 0, 0, 0];
const entry = (...attributes: number[][]) => message(0x100, [...FAMILY, ...attributes.flat()]);
const DONE = message(3, [0, 0, 0, 0]);

const FOUR = nest(1, attribute(1, [10, 0, 0, 1]), attribute(2, [10, 0, 0, 2]));
const PORTS = nest(2, attribute(1, [6]), attribute(2, [0xc3, 0x50]), attribute(3, [0, 22]));
const TCP = entry(
  nest(1, FOUR, PORTS),
  nest(4, nest(1, attribute(1, [3]))),
  nest(9, attribute(1, [0, 0, 0, 0, 0, 0, 0, 5]), attribute(2, [0, 0, 0, 1, 0, 0, 0, 2])),
);

it('a connection with its ends, state and counters, and the end of the answer', () => {
  const { connections, isLast, error } = readDump(Uint8Array.from([...TCP, ...DONE]));
  expect({ isLast, error }).toEqual({ isLast: true, error: 0 });
  expect(
    connections.map(({ source, destination, ...rest }) => ({
      ends: [source, destination].map(formatIp),
      ...rest,
    })),
  ).toEqual([
    {
      ends: ['10.0.0.1', '10.0.0.2'],
      protocol: 6,
      sourcePort: 50_000,
      destinationPort: 22,
      state: 'established',
      sent: { packets: 5, bytes: 2 ** 32 + 2 },
      received: { packets: 0, bytes: 0 },
    },
  ]);
});

it('IPv6 without ports, state and counters', () => {
  const ends = [3, 4].map((type) => attribute(type, [0xfd, ...Array<number>(14).fill(0), type]));
  const ping = entry(nest(1, nest(1, ...ends), nest(2, attribute(1, [58]))));
  const { connections, isLast } = readDump(Uint8Array.from(ping));
  expect(isLast).toBe(false);
  expect(connections[0]).toMatchObject({ protocol: 58, sourcePort: 0, destinationPort: 0, state: null });
  expect(formatIp(connections[0]?.destination as Uint8Array)).toBe('fd00::4');
});

it('what has no ends is left out, and the next one read', () => {
  const { connections } = readDump(Uint8Array.from([...entry(nest(1, FOUR)), ...TCP]));
  expect(connections).toHaveLength(1);
});

it('a refusal of the kernel is told by its number', () => {
  const refused = message(2, [0xff, 0xff, 0xff, 0xff]);
  expect(readDump(Uint8Array.from(refused))).toEqual({ connections: [], isLast: true, error: 1 });
});

it('whatever comes is read to its end without a throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(150), (noise, at) => {
      const bytes = Uint8Array.from(TCP);
      bytes.set(noise.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length));
      readDump(bytes);
      readDump(noise);
    }),
  );
});

it('the request asks for all', () => {
  expect([...dumpRequest(7)]).toEqual([20, 0, 0, 0, 1, 1, 1, 3, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});
