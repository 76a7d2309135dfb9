import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** The real system calls, but that a batch is refused as long as `refuseBatchesWith` says so. */
const fault = vi.hoisted(() => ({ refuseBatchesWith: 0, pending: 0, batches: 0 }));
vi.mock('../../../agent/drivers/linux/libc.ts', async (original) => {
  const libc = await original<typeof import('../../../agent/drivers/linux/libc.ts')>();
  return {
    ...libc,
    sendmsg: (descriptor: number, message: number, flags: number) => {
      if (fault.refuseBatchesWith !== 0 && isBatch()) {
        fault.pending = fault.refuseBatchesWith;
        return -1;
      }
      return libc.sendmsg(descriptor, message, flags);
    },
    errno: () => {
      const pending = fault.pending;
      fault.pending = 0;
      return pending || libc.errno();
    },
  };
});

import * as libc from '../../../agent/drivers/linux/libc.ts';
import { nativeBuffer } from '../../../agent/drivers/linux/memory.ts';
import { UdpSocket } from '../../../agent/drivers/linux/udp.ts';
import { UdpAddress } from '../../../agent/wireguard/udp-address.ts';
import { parseIp } from '../../../shared/ip.ts';
import { waitFor } from '../../support/wait-for.ts';

/** The first call of every send in these tests is the batch; those that follow it are single. */
function isBatch(): boolean {
  return fault.batches++ === 0;
}

let sender: UdpSocket;
let receiver: UdpSocket;

beforeEach(() => {
  const open = () =>
    UdpSocket.open(4, 0, 0, {
      segmentation: true,
      coalescing: true,
      counters: { sendErrors: 0, segmentationFallbacks: 0 },
      notes: [],
    }) as UdpSocket;
  sender = open();
  receiver = open();
  fault.batches = 0;
});

afterEach(() => {
  fault.refuseBatchesWith = 0;
  sender.close();
  receiver.close();
});

describe('SEC-28: a batch that the kernel refuses', () => {
  it.each([
    ['EIO', libc.EIO, false],
    ['EINVAL', libc.EINVAL, true],
    ['EMSGSIZE', libc.EMSGSIZE, true],
  ])('with %s goes out singly without loss; the offload stays on: %s %s', async (_, errno, staysOn) => {
    fault.refuseBatchesWith = errno;
    const buffer = nativeBuffer(65_536);
    for (let i = 0; i < 10_000; i++) buffer.bytes[i] = (i * 3) & 0xff;
    sender.send(
      UdpAddress.from(parseIp('127.0.0.1') as Uint8Array, receiver.port()),
      buffer,
      0,
      9_500,
      1_000,
    );
    const arrived: number[] = [];
    const input = nativeBuffer(65_536);
    await waitFor('all datagrams', () => {
      for (let length = receiver.receive(input); length >= 0; length = receiver.receive(input)) {
        arrived.push(...input.bytes.subarray(0, length));
      }
      return arrived.length >= 9_500;
    });
    expect(Uint8Array.from(arrived)).toEqual(buffer.bytes.slice(0, 9_500));
    expect(sender.segmentation).toBe(staysOn);
    expect(sender.counters).toEqual({ sendErrors: 0, segmentationFallbacks: 1 });
  });
});
