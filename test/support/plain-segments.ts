/** Segmentation offload as the kernel does it, the slow way: nothing here is shared with the data plane. */
import { plainSum, transportOffset } from './packets.ts';

const VIRTIO_HEADER = 10;

/**
 * The packets that the kernel makes of one write to a TUN device with virtio_net_hdr. What it takes for granted is checked,
 * with an Error that says what is wrong: lengths, the IPv4 header's checksum, and the pseudo-header's sum that the checksum is
 * finished from.
 */
export function plainSegments(write: Uint8Array): Uint8Array[] {
  const header = new DataView(write.buffer, write.byteOffset, VIRTIO_HEADER);
  const packet = write.slice(VIRTIO_HEADER);
  const type = header.getUint8(1);
  if (type === 0 && header.getUint8(0) === 0) return [packet];
  const [headerLength, size, start, field] = [2, 4, 6, 8].map((at) => header.getUint16(at, true)) as [
    number,
    number,
    number,
    number,
  ];
  const view = new DataView(packet.buffer);
  const isIpv6 = (packet[0] as number) >>> 4 === 6;
  const isUdp = type === 5;
  const transport = transportOffset(packet);
  const expect = (what: string, actual: number, wanted: number) => {
    if (actual !== wanted) throw new Error(`${what} is ${actual}, not ${wanted}`);
  };
  expect('flags', header.getUint8(0), 1);
  expect('type', type, isUdp ? 5 : isIpv6 ? 4 : 1);
  expect('csum_start', start, transport);
  expect('csum_offset', field, isUdp ? 6 : 16);
  expect('protocol', packet[isIpv6 ? 6 : 9] as number, isUdp ? 17 : 6);
  expect('hdr_len', headerLength, transport + (isUdp ? 8 : ((packet[transport + 12] as number) >>> 4) * 4));
  expect('IP length', view.getUint16(isIpv6 ? 4 : 2) + (isIpv6 ? 40 : 0), packet.length);
  if (isUdp) expect('UDP length', view.getUint16(transport + 4), packet.length - transport);
  if (!isIpv6) expect('the sum of the IPv4 header', plainSum(packet.subarray(0, transport)), 0xffff);
  expect(
    'the pseudo-header',
    view.getUint16(transport + field),
    pseudoHeader(packet, packet.length - transport),
  );

  const payload = packet.subarray(headerLength);
  const count = Math.ceil(payload.length / size);
  return Array.from({ length: count }, (_, index) => {
    const part = payload.subarray(index * size, (index + 1) * size);
    const segment = new Uint8Array(headerLength + part.length);
    segment.set(packet.subarray(0, headerLength));
    segment.set(part, headerLength);
    const out = new DataView(segment.buffer);
    if (isIpv6) {
      out.setUint16(4, segment.length - 40);
    } else {
      out.setUint16(2, segment.length);
      out.setUint16(4, (view.getUint16(4) + index) & 0xffff);
      out.setUint16(10, 0);
      out.setUint16(10, ~plainSum(segment.subarray(0, transport)) & 0xffff);
    }
    if (isUdp) {
      out.setUint16(transport + 4, 8 + part.length);
    } else {
      out.setUint32(transport + 4, (view.getUint32(transport + 4) + index * size) >>> 0);
      let flags = packet[transport + 13] as number;
      if (index > 0) flags &= ~0x80; // CWR is told once
      if (index < count - 1) flags &= ~0x09; // FIN and PSH at the end
      segment[transport + 13] = flags;
    }
    out.setUint16(transport + field, 0);
    const length = segment.length - transport;
    let total = pseudoHeader(segment, length) + plainSum(segment.subarray(transport));
    total = (total & 0xffff) + (total >>> 16);
    const value = ~total & 0xffff;
    out.setUint16(transport + field, isUdp && value === 0 ? 0xffff : value);
    return segment;
  });
}

function pseudoHeader(packet: Uint8Array, length: number): number {
  const isIpv6 = (packet[0] as number) >>> 4 === 6;
  let total =
    plainSum(isIpv6 ? packet.subarray(8, 40) : packet.subarray(12, 20)) +
    (packet[isIpv6 ? 6 : 9] as number) +
    length;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}
