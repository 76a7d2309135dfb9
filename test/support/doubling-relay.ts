/**
 * A man in the middle who sends every transport data message on twice and keeps book of the nonces:
 * `doubling-relay.ts LISTEN_A LISTEN_B B_ADDRESS B_PORT`. What comes to port LISTEN_A goes from LISTEN_B to B, and what comes
 * back goes to where the last datagram to LISTEN_A came from. On SIGTERM it prints a line of JSON (RelayBook).
 */
import { nativeBuffer } from '../../agent/drivers/linux/memory.ts';
import { UdpSocket } from '../../agent/drivers/linux/udp.ts';
import { UdpAddress } from '../../agent/wireguard/udp-address.ts';
import { parseIp } from '../../shared/ip.ts';

export interface RelayBook {
  /** Transport data messages, each way. */
  messages: [number, number];
  /** Those whose receiver index and counter had been there before. */
  repeated: number;
}

const TRANSPORT_DATA = 4;
/** Copies are held back until so many batches have passed: they arrive late and out of order. */
const HELD_BACK = 8;

function open(port: number): UdpSocket {
  const counters = { sendErrors: 0, segmentationFallbacks: 0 };
  const socket = UdpSocket.open(4, port, 0, { segmentation: true, coalescing: true, counters, notes: [] });
  if (socket === null) throw new Error('no IPv4 here');
  return socket;
}

/** Nonces seen of one receiver index, as bits by counter. */
class Nonces {
  #bits = new Uint8Array(1 << 16);

  /** False if it was there before. */
  add(counter: number): boolean {
    const place = counter >>> 3;
    if (place >= this.#bits.length) {
      const grown = new Uint8Array(Math.max(place + 1, this.#bits.length * 2));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    const bit = 1 << (counter & 7);
    if (((this.#bits[place] as number) & bit) !== 0) return false;
    this.#bits[place] = (this.#bits[place] as number) | bit;
    return true;
  }
}

function main([listenA = '', listenB = '', address = '', port = '']: string[]): void {
  const sides = [open(Number(listenA)), open(Number(listenB))] as const;
  const targets: [UdpAddress | null, UdpAddress] = [
    null,
    UdpAddress.from(parseIp(address) as Uint8Array, Number(port)),
  ];
  const book: RelayBook = { messages: [0, 0], repeated: 0 };
  const nonces = new Map<string, Nonces>();
  const buffer = nativeBuffer(65_536);
  const late: (() => void)[] = [];

  const note = (side: 0 | 1, at: number) => {
    if (buffer.view.getUint32(at, true) !== TRANSPORT_DATA) return;
    book.messages[side]++;
    const index = `${side} ${buffer.view.getUint32(at + 4, true)}`;
    let seen = nonces.get(index);
    if (seen === undefined) {
      seen = new Nonces();
      nonces.set(index, seen);
    }
    if (!seen.add(buffer.view.getUint32(at + 8, true))) book.repeated++;
  };

  const forward = (side: 0 | 1) => {
    const from = sides[side];
    const to = sides[1 - side] as UdpSocket;
    for (let length = from.receive(buffer); length >= 0; length = from.receive(buffer)) {
      if (side === 0) targets[0] = from.source.clone();
      const target = targets[1 - side];
      const size = from.segmentSize;
      for (let at = 0; at < length; at += size) note(side, at);
      if (!target) continue;
      to.send(target, buffer, 0, length, size);
      const copy = nativeBuffer(length);
      copy.bytes.set(buffer.bytes.subarray(0, length));
      late.push(() => to.send(target, copy, 0, length, size));
      if (late.length > HELD_BACK) late.shift()?.();
    }
  };

  process.once('SIGTERM', () => {
    process.stdout.write(`${JSON.stringify(book)}\n`);
    process.exit(0);
  });
  process.stdout.write('ready\n');
  const turn = () => {
    forward(0);
    forward(1);
    setImmediate(turn);
  };
  turn();
}

if (import.meta.main) main(process.argv.slice(2));
