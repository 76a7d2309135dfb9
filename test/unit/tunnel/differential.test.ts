/** Random traffic through segmenting and coalescing against what the kernel would make of it (test/support/plain-segments.ts). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Coalescer } from '../../../agent/tunnel/coalesce.ts';
import { Segmenter } from '../../../agent/tunnel/segment.ts';
import { packetBuffer } from '../../../agent/wireguard/packet-buffer.ts';
import { checksumsAreRight, makePacket, makeSuperpacket } from '../../support/packets.ts';
import { plainSegments } from '../../support/plain-segments.ts';
import { bytes, traffic } from '../../support/random-traffic.ts';

/** What is written for packets that arrive in batches of at most `batch`. */
function coalesce(
  packets: readonly Uint8Array[],
  batch: number,
  offloads = { tso: true, uso: true },
): Uint8Array[] {
  const writes: Uint8Array[] = [];
  const coalescer: Coalescer = new Coalescer(packetBuffer, offloads, (offset, length) =>
    writes.push(coalescer.buffer.bytes.slice(offset, offset + length)),
  );
  packets.forEach((packet, index) => {
    if (index % batch === 0) coalescer.flush();
    const room = (packet.length + 15) & ~15;
    const place = coalescer.place(room);
    coalescer.buffer.bytes.set(packet, place);
    coalescer.buffer.bytes.fill(0xee, place + packet.length, place + room);
    coalescer.commit(packet.length);
  });
  coalescer.flush();
  return writes;
}

/** RFC 6864 4.1: with DF set the identification means nothing, and may change on the way; the header's checksum with it. */
function withoutIdentification(packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  if ((copy[0] as number) >>> 4 === 4 && ((copy[6] as number) & 0x40) !== 0)
    copy.fill(0, 4, 6).fill(0, 10, 12);
  return copy;
}

function segment(read: Uint8Array): Uint8Array[] {
  const buffer = packetBuffer(read.length + 64);
  buffer.bytes.set(read, 6);
  const segmenter = new Segmenter();
  if (!segmenter.begin(buffer, 6, read.length)) throw new Error('refused');
  const packets: Uint8Array[] = [];
  for (let size = segmenter.next(); size > 0; size = segmenter.next())
    packets.push(buffer.bytes.slice(segmenter.offset, segmenter.offset + size));
  return packets;
}

const superpackets = fc
  .record({
    family: fc.constantFrom<4 | 6>(4, 6),
    protocol: fc.constantFrom<'tcp' | 'udp'>('tcp', 'udp'),
    size: fc.integer({ min: 1, max: 60_000 }),
    segmentSize: fc.oneof(fc.integer({ min: 1000, max: 1400 }), fc.integer({ min: 8, max: 1400 })),
    sequence: fc.constantFrom(0, 0xffff_ffff, 0xffff_f001, 0x7fff_ffff),
    identification: fc.constantFrom(0, 0xffff, 0xfff0),
    dontFragment: fc.boolean(),
    // Every flag but SYN and RST, URG and ECE with CWR among them.
    flags: fc.nat(0xff).map((flags) => (flags | 0x10) & ~0x06),
    urgent: fc.constantFrom(0, 1, 0xffff),
    optionWords: fc.nat(10),
    trafficClass: fc.nat(255),
    seed: fc.nat(255),
  })
  .map((facts) => {
    const isUdp = facts.protocol === 'udp';
    const size = isUdp ? Math.min(facts.size, 64 * facts.segmentSize) : facts.size;
    const packet = { ...facts, payload: bytes(size, facts.seed), options: bytes(facts.optionWords * 4, 3) };
    const read = makeSuperpacket(packet, facts.segmentSize);
    // hdr_len is a hint that the segmenter must not lean on; plainSegments checks it.
    const ip = facts.family === 4 ? 20 : 40;
    new DataView(read.buffer).setUint16(2, ip + (isUdp ? 8 : 20 + facts.optionWords * 4), true);
    return read;
  });

describe('SEC-28: segmenting and coalescing against a plain reference', () => {
  it.each([
    ['all offloads', { tso: true, uso: true }],
    ['TCP only', { tso: true, uso: false }],
    ['UDP only', { tso: false, uso: true }],
    ['none', { tso: false, uso: false }],
  ])('random flows of both families come out as they went in: %s', (_, offloads) => {
    let packets = 0;
    let writes = 0;
    fc.assert(
      fc.property(traffic, fc.integer({ min: 1, max: 64 }), (sent, batch) => {
        const written = coalesce(sent, batch, offloads);
        const arrived = written.flatMap(plainSegments);
        expect(arrived.map(withoutIdentification)).toEqual(sent.map(withoutIdentification));
        // And what is cut again by our own segmenter, as by an agent that forwards into the next tunnel.
        expect(written.flatMap(segment)).toEqual(arrived);
        packets += sent.length;
        writes += written.length;
      }),
      { numRuns: 400 },
    );
    // Otherwise nothing was tested.
    if (offloads.tso || offloads.uso) expect(writes).toBeLessThan(packets * 0.95);
    else expect(writes).toBe(packets);
  });

  it('superpackets of every kind are cut as the kernel would, and what is joined again is cut to the same', () => {
    fc.assert(
      fc.property(superpackets, (read) => {
        const cut = segment(read);
        expect(cut).toEqual(plainSegments(read));
        expect(cut.every(checksumsAreRight)).toBe(true);
        const written = coalesce(cut, 64);
        expect(written.flatMap(plainSegments).map(withoutIdentification)).toEqual(
          cut.map(withoutIdentification),
        );
      }),
      { numRuns: 200 },
    );
  });

  it.each([4, 6] as const)(
    'a UDP checksum over IPv%i that comes out as zero is all ones, and none stays none',
    (family) => {
      const payload = bytes(1000, 1).fill(0, 998);
      const first = makePacket({ family, protocol: 'udp', payload });
      const field = (family === 4 ? 20 : 40) + 6;
      // The checksum of the rest, put in the last two bytes, makes that of all of it zero (RFC 768: sent as all ones).
      payload.set(first.subarray(field, field + 2), 998);
      const second = makePacket({ family, protocol: 'udp', payload, identification: 1 });
      expect([...second.subarray(field, field + 2)]).toEqual([0xff, 0xff]);
      const superpacket = makeSuperpacket(
        { family, protocol: 'udp', payload: Uint8Array.of(...payload, ...payload) },
        1000,
      );
      const cut = segment(superpacket);
      expect(cut[1]).toEqual(second);
      expect(coalesce(cut, 64)).toHaveLength(1);
      for (const packet of cut) packet.fill(0, field, field + 2);
      expect(coalesce(cut, 64).map((write) => write.subarray(10))).toEqual(cut);
    },
  );
});
