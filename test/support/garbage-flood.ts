/**
 * Floods a WireGuard port with what is none, or looks like it: `garbage-flood.ts ADDRESS PORT SECONDS RATE INDEX`, with INDEX
 * the receiver index (8 hex digits, as on the wire) of a live session. Prints how many datagrams were sent.
 *
 * A batch is one send with segmentation offload, so that the flood costs little of a machine that it shares with its target.
 */
import { randomFillSync } from 'node:crypto';
import { nativeBuffer } from '../../agent/drivers/linux/memory.ts';
import { UdpSocket } from '../../agent/drivers/linux/udp.ts';
import {
  COOKIE_REPLY,
  INITIATION,
  MESSAGE_COOKIE_REPLY,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
  MESSAGE_TRANSPORT,
  RESPONSE,
} from '../../agent/wireguard/messages.ts';
import { UdpAddress } from '../../agent/wireguard/udp-address.ts';
import { parseIp } from '../../shared/ip.ts';

const BATCH = 40;
/** Sends are due at these intervals, milliseconds. */
const TICK = 4;

const [address = '', port = '', seconds = '', rate = '', index = ''] = process.argv.slice(2);

/** All else in a datagram is random. The length of a batch's datagrams may differ from batch to batch. */
const KINDS: readonly { type?: number; known?: boolean; size: () => number }[] = [
  { size: () => 1 + Math.floor(Math.random() * 1400) },
  { type: MESSAGE_INITIATION, size: () => 100 + Math.floor(Math.random() * 40) },
  { type: MESSAGE_RESPONSE, size: () => RESPONSE.size + 1 },
  { type: MESSAGE_COOKIE_REPLY, size: () => COOKIE_REPLY.size - 1 },
  { type: MESSAGE_TRANSPORT, size: () => 4 + Math.floor(Math.random() * 28) },
  // Right sizes: transport data to sessions that are none, and to one that is; handshakes with a mac1 of noise.
  { type: MESSAGE_TRANSPORT, size: () => 32 + 16 * Math.floor(Math.random() * 80) },
  { type: MESSAGE_TRANSPORT, known: true, size: () => 32 + 16 * Math.floor(Math.random() * 80) },
  { type: MESSAGE_TRANSPORT, known: true, size: () => 1452 },
  { type: MESSAGE_INITIATION, size: () => INITIATION.size },
  { type: MESSAGE_RESPONSE, known: true, size: () => RESPONSE.size },
  { type: MESSAGE_COOKIE_REPLY, known: true, size: () => COOKIE_REPLY.size },
];

const counters = { sendErrors: 0, segmentationFallbacks: 0 };
const target = UdpAddress.from(parseIp(address) as Uint8Array, Number(port));
const socket = UdpSocket.open(target.family, 0, 0, {
  segmentation: true,
  coalescing: false,
  counters,
  notes: [],
});
if (socket === null) throw new Error(`no IPv${target.family} here`);
const buffer = nativeBuffer(65_536);
const knownIndex = Buffer.from(index, 'hex');
const sleeper = new Int32Array(new SharedArrayBuffer(4));

let sent = 0;
let batches = 0;
const start = performance.now();
for (let elapsed = 0; elapsed < Number(seconds) * 1000; elapsed = performance.now() - start) {
  const due = (elapsed / 1000) * Number(rate);
  for (; sent < due; sent += BATCH, batches++) {
    const kind = KINDS[batches % KINDS.length] as (typeof KINDS)[number];
    const size = kind.size();
    randomFillSync(buffer.bytes, 0, BATCH * size);
    for (let at = 0; at < BATCH * size && kind.type !== undefined; at += size) {
      buffer.view.setUint32(at, kind.type, true);
      // A session's index is where the receiver index of the type is: after the sender's in a response.
      if (kind.known)
        buffer.bytes.set(knownIndex, at + (kind.type === MESSAGE_RESPONSE ? RESPONSE.receiver : 4));
    }
    socket.send(target, buffer, 0, BATCH * size, size);
  }
  Atomics.wait(sleeper, 0, 0, TICK);
}
process.stdout.write(`${JSON.stringify({ sent, errors: counters.sendErrors })}\n`);
