import { afterEach, describe, expect, it } from 'vitest';
import { nativeBuffer } from '../../../agent/drivers/linux/memory.ts';
import { UdpSocket } from '../../../agent/drivers/linux/udp.ts';
import { UdpAddress } from '../../../agent/wireguard/udp-address.ts';
import { parseIp } from '../../../shared/ip.ts';
import { waitFor } from '../../support/wait-for.ts';

const LOOPBACK = { 4: parseIp('127.0.0.1') as Uint8Array, 6: parseIp('::1') as Uint8Array };
const open: UdpSocket[] = [];

function socket(family: 4 | 6, options: { segmentation?: boolean; coalescing?: boolean } = {}): UdpSocket {
  const made = UdpSocket.open(family, 0, 0, {
    segmentation: options.segmentation ?? true,
    coalescing: options.coalescing ?? true,
    counters: { sendErrors: 0, segmentationFallbacks: 0 },
    notes: [],
  }) as UdpSocket;
  open.push(made);
  return made;
}

afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** Everything that arrives until `count` bytes are there, as single datagrams. */
async function receiveAll(receiver: UdpSocket, count: number): Promise<Uint8Array[]> {
  const buffer = nativeBuffer(65_536);
  const datagrams: Uint8Array[] = [];
  let bytes = 0;
  await waitFor(`${count} bytes`, () => {
    for (let length = receiver.receive(buffer); length >= 0; length = receiver.receive(buffer)) {
      for (let at = 0; at < length; at += receiver.segmentSize) {
        datagrams.push(buffer.bytes.slice(at, Math.min(at + receiver.segmentSize, length)));
      }
      bytes += length;
    }
    return bytes >= count;
  });
  return datagrams;
}

describe.each([4, 6] as const)('UDP over IPv%i', (family) => {
  it.each([
    ['with every offload', {}, {}],
    ['without segmentation', { segmentation: false }, {}],
    ['without coalescing', {}, { coalescing: false }],
    ['without any', { segmentation: false }, { coalescing: false }],
  ])('SEC-28: %s the same datagrams arrive', async (_, sending, receiving) => {
    const [sender, receiver] = [socket(family, sending), socket(family, receiving)];
    const buffer = nativeBuffer(65_536);
    for (let i = 0; i < 65_536; i++) buffer.bytes[i] = (i * 7) & 0xff;
    const target = UdpAddress.from(LOOPBACK[family], receiver.port());
    const [SIZE, LENGTH, OFFSET] = [1000, 40_500, 3];
    sender.send(target, buffer, OFFSET, LENGTH, SIZE);
    const datagrams = await receiveAll(receiver, LENGTH);
    expect(datagrams).toHaveLength(41);
    datagrams.forEach((datagram, index) => {
      const at = OFFSET + index * SIZE;
      expect(datagram).toEqual(buffer.bytes.slice(at, at + (index < 40 ? SIZE : 500)));
    });
    expect(receiver.source.port).toBe(sender.port());
    expect(receiver.source.addressBytes()).toEqual(LOOPBACK[family]);
    expect(sender.counters).toEqual({ sendErrors: 0, segmentationFallbacks: 0 });
  });

  it('SEC-28: a segment that does not fit the path is sent as fragments, and the offload stays on', async () => {
    const [sender, receiver] = [socket(family), socket(family)];
    const buffer = nativeBuffer(65_536);
    // Loopback carries 65,536 bytes: nothing larger can be asked of it, so two halves that fit alone, and not segmented.
    const target = UdpAddress.from(LOOPBACK[family], receiver.port());
    sender.send(target, buffer, 0, 60_000, 30_000);
    expect((await receiveAll(receiver, 60_000)).map((datagram) => datagram.length)).toEqual([30_000, 30_000]);
    expect(sender.segmentation).toBe(true);
  });

  it('what the kernel does not take is counted', () => {
    const sender = socket(family);
    sender.send(UdpAddress.from(LOOPBACK[family], 0), nativeBuffer(100), 0, 100, 100);
    expect(sender.counters.sendErrors).toBe(1);
  });

  it('a port that is taken is told', () => {
    const first = socket(family);
    expect(() =>
      UdpSocket.open(family, first.port(), 0, {
        segmentation: true,
        coalescing: true,
        counters: { sendErrors: 0, segmentationFallbacks: 0 },
        notes: [],
      }),
    ).toThrow(expect.objectContaining({ code: 'in-use' }));
  });
});
