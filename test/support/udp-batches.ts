/**
 * Ends of a UDP flow that uses the kernel's offloads, for tests of what lies between them:
 * `udp-batches.ts receive FAMILY` prints its port, then a line of JSON (UdpArrival) once all of the flow is there or nothing
 * came for 5 s; `udp-batches.ts send ADDRESS PORT [PAUSE]` sends the flow, with as many milliseconds after each batch.
 */
import { createHash } from 'node:crypto';
import { nativeBuffer } from '../../agent/drivers/linux/memory.ts';
import { UdpSocket } from '../../agent/drivers/linux/udp.ts';
import type { PacketBuffer } from '../../agent/wireguard/packet-buffer.ts';
import { UdpAddress } from '../../agent/wireguard/udp-address.ts';
import { parseIp } from '../../shared/ip.ts';

/**
 * Bytes of a batch, and of each of its datagrams but the last; odd ones too, for the checksums' sake. All together fewer
 * datagrams than a TUN device queues (500), so that none is lost however busy the machine is.
 */
export const BATCHES: readonly (readonly [length: number, size: number])[] = Array.from(
  { length: 20 },
  (_, i) => [20_000 + i * 501, 1_100 + (i % 8) * 37],
);
export const DATAGRAMS = BATCHES.reduce((sum, [length, size]) => sum + Math.ceil(length / size), 0);

export interface UdpArrival {
  datagrams: number;
  /** SHA-256 of every datagram's length and bytes, in the order of arrival. */
  digest: string;
  /** Receives that gave several datagrams at once. */
  coalesced: number;
}

/** What one batch holds. */
function fill(buffer: PacketBuffer, index: number, length: number): void {
  for (let i = 0; i < length; i++) buffer.bytes[i] = (i * 7 + index * 13 + (i >> 8)) & 0xff;
}

/** The digest of a flow that arrived whole and in order. */
export function expectedDigest(): string {
  const hash = createHash('sha256');
  const buffer = nativeBuffer(65_536);
  BATCHES.forEach(([length, size], index) => {
    fill(buffer, index, length);
    for (let at = 0; at < length; at += size)
      addTo(hash, buffer.bytes.subarray(at, Math.min(at + size, length)));
  });
  return hash.digest('hex');
}

function addTo(hash: ReturnType<typeof createHash>, datagram: Uint8Array): void {
  hash.update(String(datagram.length)).update(datagram);
}

function open(family: 4 | 6): UdpSocket {
  const counters = { sendErrors: 0, segmentationFallbacks: 0 };
  const socket = UdpSocket.open(family, 0, 0, { segmentation: true, coalescing: true, counters, notes: [] });
  if (socket === null) throw new Error(`no IPv${family} here`);
  return socket;
}

async function receive(family: 4 | 6): Promise<void> {
  const socket = open(family);
  process.stdout.write(`${socket.port()}\n`);
  const hash = createHash('sha256');
  const buffer = nativeBuffer(65_536);
  const arrival: UdpArrival = { datagrams: 0, digest: '', coalesced: 0 };
  for (let quiet = 0; arrival.datagrams < DATAGRAMS && quiet < 5_000; quiet++) {
    for (let length = socket.receive(buffer); length >= 0; length = socket.receive(buffer)) {
      quiet = 0;
      if (socket.segmentSize < length) arrival.coalesced++;
      for (let at = 0; at < length; at += socket.segmentSize) {
        addTo(hash, buffer.bytes.subarray(at, Math.min(at + socket.segmentSize, length)));
        arrival.datagrams++;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  arrival.digest = hash.digest('hex');
  process.stdout.write(`${JSON.stringify(arrival)}\n`);
}

function send(address: Uint8Array, port: number, pause: number): void {
  const socket = open(address.length === 4 ? 4 : 6);
  const buffer = nativeBuffer(65_536);
  const target = UdpAddress.from(address, port);
  BATCHES.forEach(([length, size], index) => {
    fill(buffer, index, length);
    socket.send(target, buffer, 0, length, size);
    if (pause > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
  });
  if (socket.counters.sendErrors > 0) throw new Error('the kernel did not take all datagrams');
}

if (import.meta.main) {
  const [verb, first = '', second = '', third = '0'] = process.argv.slice(2);
  if (verb === 'receive') await receive(first === '4' ? 4 : 6);
  else send(parseIp(first) as Uint8Array, Number(second), Number(third));
}
