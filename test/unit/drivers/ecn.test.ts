import { describe, expect, it } from 'vitest';
import { ecnOf, takeOuterEcn } from '../../../agent/drivers/linux/ecn.ts';
import { sum } from '../../../agent/tunnel/checksum.ts';
import { type PacketBuffer, packetBuffer } from '../../../agent/wireguard/packet-buffer.ts';

/** An IP header with this traffic class, at offset 16; IPv4's checksum is right. */
function header(version: 4 | 6, trafficClass: number, filler = 0x5a): PacketBuffer {
  const buffer = packetBuffer(80);
  buffer.bytes.fill(filler, 16, 56);
  const { view } = buffer;
  if (version === 6) {
    view.setUint32(16, 0x60000000 | (trafficClass << 20));
    return buffer;
  }
  view.setUint8(16, 0x45);
  view.setUint8(17, trafficClass);
  view.setUint16(26, 0);
  view.setUint16(26, ~sum(view, 16, 20) & 0xffff, true);
  return buffer;
}

const trafficClass = ({ view }: PacketBuffer, version: 4 | 6) =>
  version === 4 ? view.getUint8(17) : (view.getUint32(16) >>> 20) & 0xff;

describe.each([4, 6] as const)('the ECN bits of IPv%i', (version) => {
  it('are read', () => {
    for (const value of [0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff])
      expect(ecnOf(header(version, value).view, 16)).toBe(value & 3);
  });

  it.each([
    // Outer, inner, and what becomes of it: RFC 6040, figure 4, but that nothing is dropped.
    [3, 0x00, 0x00],
    [3, 0x01, 0x03],
    [3, 0x02, 0x03],
    [3, 0x03, 0x03],
    [3, 0xfd, 0xff],
    [3, 0xfc, 0xfc],
    [0, 0x02, 0x02],
    [1, 0x02, 0x02],
    [2, 0x01, 0x01],
    [0, 0x03, 0x03],
  ])('outer %i and inner 0x%s', (outer, inner, expected) => {
    for (const filler of [0x00, 0x5a, 0xff]) {
      const buffer = header(version, inner, filler);
      const before = buffer.bytes.slice();
      takeOuterEcn(outer, buffer, 16);
      expect(trafficClass(buffer, version)).toBe(expected);
      if (version === 4) expect(sum(buffer.view, 16, 20)).toBe(0xffff);
      // Nothing else is another.
      for (const [i, byte] of before.entries())
        if (![17, 26, 27].includes(i)) expect(buffer.bytes[i]).toBe(byte);
    }
  });
});
