import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Eventfd } from '../../../agent/drivers/linux/eventfd.ts';
import { PacketLoop } from '../../../agent/drivers/linux/loop.ts';
import { VNET_HEADER_LENGTH } from '../../../agent/tunnel/vnet-header.ts';
import type { DataPath } from '../../../agent/wireguard/data-path.ts';

const folder = mkdtempSync(join(tmpdir(), 'warren-test-loop-'));
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
  rmSync(folder, { recursive: true, force: true });
});

/** In the place of a TUN device: what is written to it is read as it was, as long as it is read one by one. */
function fifo(): number {
  const path = join(folder, 'tun');
  execFileSync('mkfifo', [path]);
  const descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  closers.push(() => closeSync(descriptor));
  return descriptor;
}

it('SEC-29: what the device hands over with a malformed virtio_net_hdr or IP header is counted, and the loop goes on', async () => {
  const device = fifo();
  const loop = new PacketLoop({ queues: [device], tso: true, uso: true, vnetHeader: true }, 0);
  const routed: number[] = [];
  const path: DataPath = {
    route: (_buffer, _offset, length) => {
      routed.push(length);
      return null;
    },
    unrouted: () => {},
    seal: () => 0,
    stage: () => {},
    sealed: () => {},
    open: () => 0,
    datagramFromNetwork: () => {},
    nextDeadline: () => Number.POSITIVE_INFINITY,
    advance: () => {},
  };
  const packet = (header: readonly number[], length: number) => {
    const bytes = new Uint8Array(VNET_HEADER_LENGTH + length);
    bytes.set(header);
    bytes.fill(0x45, VNET_HEADER_LENGTH, VNET_HEADER_LENGTH + 1);
    return bytes;
  };
  // In this order: cut off in the header; shorter than an IP header; a checksum to be made outside the packet; TCP segments of
  // no length; TCP segments of a packet that is no TCP; then one that is right.
  const reads = [
    new Uint8Array(5),
    packet([], 10),
    packet([1, 0, 0, 0, 0, 0, 200, 0, 16, 0], 40),
    packet([1, 1, 40, 0, 0, 0, 20, 0, 16, 0], 60),
    packet([1, 1, 40, 0, 10, 0, 20, 0, 16, 0], 60),
    packet([], 60),
  ];
  const wake = Eventfd.open();
  closers.push(() => wake.close());
  let turn = 0;
  loop.addWakeup({
    wakeDescriptor: wake.descriptor,
    run: () => {
      wake.drain();
      wake.signal();
      // The loop reads what is written in its next turn; two writes before a read would be one.
      if (turn++ % 2 === 1) return true;
      const next = reads.shift();
      if (next === undefined) return false;
      writeSync(device, next);
      return true;
    },
  });
  wake.signal();
  expect(await loop.run(path, () => {})).toBe('requested');
  expect(loop.counters()['tun-malformed-reads']).toBe(5);
  expect(routed).toEqual([60]);
});
