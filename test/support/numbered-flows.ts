/**
 * Many UDP flows of numbered packets: `numbered-flows.ts receive COUNT` prints its port, then a line of JSON (FlowsArrived)
 * when COUNT packets have come or nothing came for 3 s; `numbered-flows.ts send ADDRESS PORT FLOWS COUNT` sends COUNT in all.
 */
import { nativeBuffer } from '../../agent/drivers/linux/memory.ts';
import { UdpSocket } from '../../agent/drivers/linux/udp.ts';
import { UdpAddress } from '../../agent/wireguard/udp-address.ts';
import { parseIp } from '../../shared/ip.ts';

export interface FlowsArrived {
  packets: number;
  /** Packets that had come before. */
  repeated: number;
  /** Packets that came after a later one of their flow. */
  overtaken: number;
}

const LENGTH = 200;
const MAX_FLOWS = 64;
/** So many in a row, then a pause, so that the queues on the way can take them. */
const BURST = 64;

function open(): UdpSocket {
  const counters = { sendErrors: 0, segmentationFallbacks: 0 };
  const socket = UdpSocket.open(4, 0, 0, { segmentation: true, coalescing: true, counters, notes: [] });
  if (socket === null) throw new Error('no IPv4 here');
  return socket;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function receive(count: number): Promise<void> {
  const socket = open();
  process.stdout.write(`${socket.port()}\n`);
  const arrived: FlowsArrived = { packets: 0, repeated: 0, overtaken: 0 };
  const seen = new Uint8Array(count);
  const last = new Int32Array(MAX_FLOWS).fill(-1);
  const buffer = nativeBuffer(65_536);
  for (let quiet = 0; arrived.packets < count && quiet < 3000; quiet++) {
    for (let length = socket.receive(buffer); length >= 0; length = socket.receive(buffer)) {
      quiet = 0;
      for (let at = 0; at < length; at += socket.segmentSize) {
        const flow = buffer.view.getUint32(at);
        const number = buffer.view.getUint32(at + 4);
        arrived.packets++;
        if (seen[number] === 1) arrived.repeated++;
        seen[number] = 1;
        if (number < (last[flow] as number)) arrived.overtaken++;
        last[flow] = number;
      }
    }
    await pause(1);
  }
  process.stdout.write(`${JSON.stringify(arrived)}\n`);
}

async function send(address: string, port: number, flows: number, count: number): Promise<void> {
  const sockets = Array.from({ length: flows }, open);
  const target = UdpAddress.from(parseIp(address) as Uint8Array, port);
  const buffer = nativeBuffer(LENGTH);
  for (let number = 0; number < count; number++) {
    const flow = number % flows;
    buffer.view.setUint32(0, flow);
    buffer.view.setUint32(4, number);
    (sockets[flow] as UdpSocket).send(target, buffer, 0, LENGTH, LENGTH);
    if (number % BURST === 0) await pause(1);
  }
}

if (import.meta.main) {
  const [verb, ...rest] = process.argv.slice(2);
  if (verb === 'receive') await receive(Number(rest[0]));
  else await send(rest[0] as string, Number(rest[1]), Number(rest[2]), Number(rest[3]));
}
