import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Coalescer } from '../../../agent/tunnel/coalesce.ts';
import { Segmenter } from '../../../agent/tunnel/segment.ts';
import { VNET_HEADER_LENGTH } from '../../../agent/tunnel/vnet-header.ts';
import { packetBuffer } from '../../../agent/wireguard/packet-buffer.ts';
import {
  checksumsAreRight,
  type FlowPacket,
  makePacket,
  makeSuperpacket,
  TCP_ACK,
  TCP_CWR,
  TCP_FIN,
  TCP_PSH,
  transportOffset,
} from '../../support/packets.ts';

const GUARD = 64;

/** Runs a TUN read through the segmenter, between guard bytes that must survive. */
function segment(read: Uint8Array): Uint8Array[] | null {
  const buffer = packetBuffer(GUARD + read.length + GUARD);
  buffer.bytes.fill(0xa5);
  buffer.bytes.set(read, GUARD);
  const segmenter = new Segmenter();
  const good = segmenter.begin(buffer, GUARD, read.length);
  const packets: Uint8Array[] = [];
  for (let size = segmenter.next(); size > 0; size = segmenter.next()) {
    expect(segmenter.offset).toBeGreaterThanOrEqual(GUARD + VNET_HEADER_LENGTH);
    expect(segmenter.offset + size).toBeLessThanOrEqual(GUARD + read.length);
    packets.push(buffer.bytes.slice(segmenter.offset, segmenter.offset + size));
  }
  expect(buffer.bytes.subarray(0, GUARD).every((byte) => byte === 0xa5)).toBe(true);
  expect(buffer.bytes.subarray(GUARD + read.length).every((byte) => byte === 0xa5)).toBe(true);
  return good ? packets : null;
}

/** What the coalescer writes for packets that arrive in one batch. Padding behind a packet is garbage, as after opening. */
function coalesce(packets: readonly Uint8Array[], offloads = { tso: true, uso: true }): Uint8Array[] {
  const writes: Uint8Array[] = [];
  const coalescer: Coalescer = new Coalescer(packetBuffer, offloads, (offset, length) =>
    writes.push(coalescer.buffer.bytes.slice(offset, offset + length)),
  );
  for (const packet of packets) {
    const room = (packet.length + 15) & ~15;
    const place = coalescer.place(room);
    coalescer.buffer.bytes.set(packet, place);
    coalescer.buffer.bytes.fill(0xee, place + packet.length, place + room);
    coalescer.commit(packet.length);
  }
  coalescer.flush();
  return writes;
}

const whole = (packet: Uint8Array) => {
  const read = new Uint8Array(VNET_HEADER_LENGTH + packet.length);
  read.set(packet, VNET_HEADER_LENGTH);
  return read;
};

const payloadOf = (packet: Uint8Array, protocol: 'tcp' | 'udp') => {
  const transport = transportOffset(packet);
  return packet.subarray(
    transport + (protocol === 'udp' ? 8 : ((packet[transport + 12] as number) >>> 4) * 4),
  );
};

const bytes = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17) & 0xff);

const flows = fc.record({
  dontFragment: fc.boolean(),
  family: fc.constantFrom<4 | 6>(4, 6),
  protocol: fc.constantFrom<'tcp' | 'udp'>('tcp', 'udp'),
  size: fc.integer({ min: 1, max: 20_000 }),
  segmentSize: fc.integer({ min: 8, max: 1400 }),
  sequence: fc.constantFrom(0, 1, 0x7fffffff, 0xffffff00),
  identification: fc.constantFrom(0, 1, 0xfffe),
  flags: fc.constantFrom(TCP_ACK, TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN | TCP_PSH, TCP_ACK | TCP_CWR),
  options: fc.constantFrom(0, 4, 12, 40).map((length) => bytes(length, 3)),
  trafficClass: fc.constantFrom(0, 1, 0x2e, 0xff),
  seed: fc.nat(255),
});

type Flow = typeof flows extends fc.Arbitrary<infer T> ? T : never;
const packetOf = (flow: Flow): FlowPacket => ({ ...flow, payload: bytes(flow.size, flow.seed) });

/** RFC 6864 4.1: with DF set the identification means nothing, and may change on the way. */
function withoutIdentification(packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  if ((copy[0] as number) >>> 4 === 4 && ((copy[6] as number) & 0x40) !== 0)
    copy.fill(0, 4, 6).fill(0, 10, 12);
  return copy;
}

describe('segmenting what the kernel hands over', () => {
  it('every segment is a whole packet with right checksums, and together they are the superpacket', () => {
    fc.assert(
      fc.property(flows, (flow) => {
        const options = packetOf(flow);
        const packets = segment(makeSuperpacket(options, flow.segmentSize)) as Uint8Array[];
        expect(packets).toHaveLength(Math.ceil(flow.size / flow.segmentSize));
        let at = 0;
        packets.forEach((packet, index) => {
          const isLast = index === packets.length - 1;
          const payload = options.payload.subarray(at, at + flow.segmentSize);
          let flags = flow.flags;
          if (!isLast) flags &= ~(TCP_FIN | TCP_PSH);
          if (index > 0) flags &= ~TCP_CWR;
          const expected = makePacket({
            ...options,
            payload,
            flags,
            sequence: (flow.sequence + at) >>> 0,
            identification: (flow.identification + index) & 0xffff,
          });
          expect(packet).toEqual(expected);
          at += payload.length;
        });
      }),
      { numRuns: 300 },
    );
  });

  it.each([4, 6] as const)('an IPv%i packet without offload passes as it is', (family) => {
    const packet = makePacket({ family, protocol: 'tcp', payload: bytes(100, 1) });
    expect(segment(whole(packet))).toEqual([packet]);
  });

  it.each([
    [4, 'tcp'],
    [4, 'udp'],
    [6, 'tcp'],
    [6, 'udp'],
  ] as const)('IPv%i %s: a checksum left to do is done', (family, protocol) => {
    for (const size of [0, 1, 2, 3, 99, 1400]) {
      const options = { family, protocol, payload: bytes(size, 5) };
      const read = makeSuperpacket(options, 1);
      read[1] = 0;
      expect(segment(read)).toEqual([makePacket(options)]);
    }
  });

  it('SEC-29: a malformed virtio header or IP length is refused or cut within bounds, and nothing throws', () => {
    fc.assert(
      fc.property(
        flows,
        fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(300),
        (flow, changes, cut) => {
          const read = makeSuperpacket(packetOf(flow), flow.segmentSize);
          for (const [at, value] of changes) read[at % read.length] = value;
          segment(read.subarray(0, Math.max(0, read.length - cut)).slice());
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['no room for an IP header', (read: Uint8Array) => read.subarray(0, 20)],
    ['a segment size of zero', (read: Uint8Array) => read.fill(0, 4, 6)],
    ['an unknown kind of offload', (read: Uint8Array) => read.fill(9, 1, 2)],
    ['TCP over IPv6 that is IPv4', (read: Uint8Array) => read.fill(4, 1, 2)],
    ['a transport header beyond the packet', (read: Uint8Array) => read.fill(0xff, 6, 8)],
    ['a TCP header shorter than one', (read: Uint8Array) => read.fill(0x10, 10 + 20 + 12, 10 + 20 + 13)],
  ])('SEC-29: %s is refused', (_, spoil) => {
    const read = makeSuperpacket({ family: 4, protocol: 'tcp', payload: bytes(3000, 1) }, 1000);
    expect(segment(spoil(read).slice())).toBeNull();
  });
});

describe('coalescing what goes to the kernel', () => {
  it('cutting again gives the very packets that came, in their order within a flow', () => {
    const batches = fc.array(
      fc.oneof(
        flows.map((flow) => segment(makeSuperpacket(packetOf(flow), flow.segmentSize)) as Uint8Array[]),
        flows.map((flow) => [makePacket({ ...packetOf(flow), payload: bytes(flow.size % 1400, flow.seed) })]),
      ),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(batches, (batch) => {
        const packets = batch.flat();
        const writes = coalesce(packets);
        const cut = writes.flatMap((write) => segment(write) as Uint8Array[]);
        expect(cut.every(checksumsAreRight)).toBe(true);
        expect(cut.map(withoutIdentification)).toEqual(packets.map(withoutIdentification));
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [4, 'tcp'],
    [6, 'tcp'],
    [4, 'udp'],
    [6, 'udp'],
  ] as const)(
    'SEC-28: IPv%i %s: a flow becomes one write, and without offloads the same packets one by one',
    (family, protocol) => {
      const flow: FlowPacket = { family, protocol, payload: bytes(14_000, 2) };
      const packets = segment(makeSuperpacket(flow, 1000)) as Uint8Array[];
      expect(packets).toHaveLength(14);
      const joined = coalesce(packets);
      expect(joined).toHaveLength(1);
      expect(segment(joined[0] as Uint8Array)).toEqual(packets);
      expect(coalesce(packets, { tso: false, uso: false })).toEqual(packets.map(whole));
    },
  );

  const base: FlowPacket = { family: 4, protocol: 'tcp', payload: bytes(1000, 1), sequence: 5000 };
  const next: FlowPacket = { ...base, sequence: 6000, identification: 1, payload: bytes(1000, 2) };
  it.each<[string, FlowPacket, FlowPacket, number]>([
    ['the next of the flow', base, next, 1],
    ['a shorter one at the end', base, { ...next, payload: bytes(10, 1) }, 1],
    ['a larger one', base, { ...next, payload: bytes(1001, 1) }, 2],
    ['a gap', base, { ...next, sequence: 6001 }, 2],
    ['an overlap', base, { ...next, sequence: 5999 }, 2],
    ['another port', base, { ...next, sourcePort: 7 }, 2],
    ['another acknowledgement', base, { ...next, acknowledgement: 1 }, 2],
    ['another window', base, { ...next, window: 1 }, 2],
    ['other options', { ...base, options: bytes(4, 1) }, { ...next, options: bytes(4, 2) }, 2],
    ['more options', base, { ...next, options: bytes(4, 2) }, 2],
    ['an urgent pointer', base, { ...next, urgent: 1 }, 2],
    ['a FIN', base, { ...next, flags: TCP_ACK | TCP_FIN }, 2],
    ['no payload', base, { ...next, payload: bytes(0, 0) }, 2],
    ['another TOS (ECN)', base, { ...next, trafficClass: 3 }, 2],
    ['another TTL', base, { ...next, hopLimit: 63 }, 2],
    ['another DF', base, { ...next, dontFragment: false }, 2],
    [
      'no DF, and the next identification',
      { ...base, dontFragment: false },
      { ...next, dontFragment: false },
      1,
    ],
    [
      'no DF, and another identification',
      { ...base, dontFragment: false },
      { ...next, dontFragment: false, identification: 7 },
      2,
    ],
    ['anything after PSH', { ...base, flags: TCP_ACK | TCP_PSH }, next, 2],
    ['PSH at the end', base, { ...next, flags: TCP_ACK | TCP_PSH }, 1],
    ['another family', base, { ...next, family: 6 }, 2],
  ])('%s', (_, first, second, writes) => {
    const packets = [makePacket(first), makePacket(second)];
    const written = coalesce(packets);
    expect(written).toHaveLength(writes);
    expect(written.flatMap((write) => segment(write) as Uint8Array[])).toEqual(packets);
  });

  it('nothing follows a shorter segment', () => {
    const packets = [
      base,
      { ...next, payload: bytes(10, 1) },
      { ...next, sequence: 6010, identification: 2 },
    ].map(makePacket);
    expect(coalesce(packets)).toHaveLength(2);
  });

  it.each([
    ['TCP', 20 + 16],
    ['the IP header', 10],
    ['the payload', 20 + 20 + 500],
  ])('a wrong checksum of %s is not laundered by merging', (_, at) => {
    const packets = [makePacket(base), makePacket(next)];
    (packets[1] as Uint8Array)[at] = ((packets[1] as Uint8Array)[at] as number) ^ 1;
    expect(coalesce(packets)).toEqual(packets.map(whole));
    expect(checksumsAreRight(packets[1] as Uint8Array)).toBe(false);
  });

  it('a fragment is never merged', () => {
    const packets = [
      makePacket({ ...base, dontFragment: false }),
      makePacket({ ...next, dontFragment: false }),
    ];
    for (const packet of packets) {
      packet[6] = 0x20;
      packet[10] = ((packet[10] as number) - 0x20) & 0xff;
    }
    expect(coalesce(packets)).toHaveLength(2);
  });

  it('a packet that fails to open leaves what is held whole', () => {
    const writes: Uint8Array[] = [];
    const coalescer: Coalescer = new Coalescer(packetBuffer, { tso: true, uso: true }, (offset, length) =>
      writes.push(coalescer.buffer.bytes.slice(offset, offset + length)),
    );
    const packets = [makePacket(base), makePacket(next)];
    for (const packet of [packets[0], null, packets[1]]) {
      const place = coalescer.place(1040);
      if (packet == null) {
        coalescer.buffer.bytes.fill(0xee, place, place + 1040);
        coalescer.abandon();
      } else {
        coalescer.buffer.bytes.set(packet, place);
        coalescer.commit(packet.length);
      }
    }
    coalescer.flush();
    expect(writes).toHaveLength(1);
    expect(segment(writes[0] as Uint8Array)).toEqual(packets);
    expect(payloadOf(packets[0] as Uint8Array, 'tcp')).toEqual(base.payload);
  });
});
