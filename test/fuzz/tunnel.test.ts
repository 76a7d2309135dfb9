/** SEC-29: whatever a TUN device hands over, and whatever a session lets through. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Coalescer } from '../../agent/tunnel/coalesce.ts';
import { Segmenter } from '../../agent/tunnel/segment.ts';
import { VNET_HEADER_LENGTH } from '../../agent/tunnel/vnet-header.ts';
import { packetBuffer } from '../../agent/wireguard/packet-buffer.ts';
import { makePacket, makeSuperpacket } from '../support/packets.ts';
import { bytes, traffic } from '../support/random-traffic.ts';
import { fuzz, noise, spoiled } from './fuzz.ts';

const GUARD = 64;
const GUARD_BYTE = 0xa5;

const flow = fc.record({
  family: fc.constantFrom<4 | 6>(4, 6),
  protocol: fc.constantFrom<'tcp' | 'udp'>('tcp', 'udp'),
  payload: fc.oneof(fc.nat(30), fc.nat(6000)).map((length) => bytes(length, 1)),
  options: fc.nat(10).map((words) => bytes(4 * words, 2)),
});
const superpacket = fc.tuple(flow, fc.nat(1500)).map(([packet, size]) => makeSuperpacket(packet, size));
/** A virtio_net_hdr of noise before a packet that is good. */
const badHeader = fc
  .tuple(fc.uint8Array({ minLength: VNET_HEADER_LENGTH, maxLength: VNET_HEADER_LENGTH }), flow)
  .map(([header, packet]) => Uint8Array.of(...header, ...makePacket(packet)));
const reads = fc.oneof(noise(400), spoiled(superpacket), spoiled(badHeader));

describe('SEC-29: hostile input to the data plane', () => {
  it('the segmenter refuses or cuts within the read, leaves what is around it alone, and ends', () => {
    const outcomes = { refused: 0, cut: 0 };
    const segmenter = new Segmenter();
    fuzz(reads, 15_000, (read) => {
      const end = GUARD + read.length;
      // Exactly as long as the read and the guards: reading beyond them throws.
      const buffer = packetBuffer(end + GUARD);
      buffer.bytes.fill(GUARD_BYTE);
      buffer.bytes.set(read, GUARD);
      if (!segmenter.begin(buffer, GUARD, read.length)) {
        outcomes.refused++;
        // As it promises; and nothing is left over from the read before.
        expect(buffer.bytes.subarray(GUARD, end)).toEqual(read);
        expect(segmenter.next()).toBe(0);
      } else {
        outcomes.cut++;
        let packets = 0;
        for (let size = segmenter.next(); size > 0; size = segmenter.next()) {
          packets++;
          expect(segmenter.offset).toBeGreaterThanOrEqual(GUARD + VNET_HEADER_LENGTH);
          expect(segmenter.offset + size).toBeLessThanOrEqual(end);
        }
        expect(packets).toBeGreaterThan(0);
        expect(packets).toBeLessThanOrEqual(read.length);
      }
      expect(buffer.bytes.subarray(0, GUARD).every((byte) => byte === GUARD_BYTE)).toBe(true);
      expect(buffer.bytes.subarray(end).every((byte) => byte === GUARD_BYTE)).toBe(true);
    });
    // Both ways must have been gone, or the inputs are no good.
    expect(Math.min(outcomes.refused, outcomes.cut)).toBeGreaterThan(100);
  });

  it('nothing beyond the read has a part in what is made of it', () => {
    fuzz(reads, 3_000, (read) => {
      const [one, other] = [0x00, 0xff].map((around) => {
        const buffer = packetBuffer(GUARD + read.length + GUARD);
        buffer.bytes.fill(around);
        buffer.bytes.set(read, GUARD);
        const segmenter = new Segmenter();
        const packets: string[] = [String(segmenter.begin(buffer, GUARD, read.length))];
        for (let size = segmenter.next(); size > 0; size = segmenter.next())
          packets.push(
            Buffer.from(buffer.bytes.slice(segmenter.offset, segmenter.offset + size)).toString('hex'),
          );
        return packets;
      });
      expect(one).toEqual(other);
    });
  });

  it('the coalescer lets every byte out that came in, in order, and never more than the kernel takes', () => {
    const batch = fc.array(
      fc.oneof(
        noise(120).map((packet) => [packet]),
        traffic,
        spoiled(flow.map(makePacket)).map((packet) => [packet]),
        fc.constant([null]), // one that did not open
      ),
      { maxLength: 8 },
    );
    const writes: Uint8Array[] = [];
    const coalescer: Coalescer = new Coalescer(packetBuffer, { tso: true, uso: true }, (offset, length) =>
      writes.push(coalescer.buffer.bytes.slice(offset, offset + length)),
    );
    fuzz(batch, 1_500, (parts) => {
      writes.length = 0;
      const packets = parts.flat();
      for (const packet of packets) {
        const room = packet === null ? 1200 : (packet.length + 15) & ~15;
        const place = coalescer.place(room);
        coalescer.buffer.bytes.fill(0xee, place, place + room);
        if (packet === null) {
          coalescer.abandon();
          continue;
        }
        coalescer.buffer.bytes.set(packet, place);
        coalescer.commit(packet.length);
      }
      coalescer.flush();
      for (const write of writes) expect(write.length).toBeLessThanOrEqual(VNET_HEADER_LENGTH + 65_535);
      // Every write begins with the packet that stands next, and what it took of those behind is their payload.
      let next = 0;
      const real = packets.filter((packet) => packet !== null && packet.length > 0) as Uint8Array[];
      for (const write of writes) {
        let left = write.length - VNET_HEADER_LENGTH - (real[next] as Uint8Array).length;
        if (write[1] === 0) expect(write.subarray(VNET_HEADER_LENGTH)).toEqual(real[next]);
        const headers = new DataView(write.buffer).getUint16(2, true);
        for (next++; left > 0; next++) left -= (real[next] as Uint8Array).length - headers;
        expect(left).toBe(0);
      }
      expect(next).toBe(real.length);
    });
  });
});
