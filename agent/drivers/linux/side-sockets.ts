import type { SideSockets } from '../../tunnel/driver.ts';
import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';
import type { UdpAddress } from '../../wireguard/udp-address.ts';
import type { PacketLoop, Wakeup } from './loop.ts';
import { nativeBuffer } from './memory.ts';
import { UdpSocket } from './udp.ts';

/** Datagrams read from one socket before the others have their turn. */
const READS_IN_A_ROW = 16;

/** Sockets beside the tunnel's own, which a hard NAT gives ports of their own; few of them live long. */
export class LinuxSideSockets implements SideSockets {
  onDatagram: SideSockets['onDatagram'] = () => {};
  readonly #loop: PacketLoop;
  readonly #mark: () => number;
  readonly #sockets = new Map<number, { socket: UdpSocket; wakeup: Wakeup }>();
  readonly #received = nativeBuffer(65_536);
  #next = 1;

  /** `mark` is the tunnel's. */
  constructor(loop: PacketLoop, mark: () => number) {
    this.#loop = loop;
    this.#mark = mark;
  }

  open(count: number): number[] {
    const numbers: number[] = [];
    while (numbers.length < count) {
      const socket = this.#openOne();
      if (socket === null) break;
      const number = this.#next++;
      const wakeup = { wakeDescriptor: socket.descriptor, run: () => this.#receive(number, socket) };
      this.#sockets.set(number, { socket, wakeup });
      this.#loop.addWakeup(wakeup);
      numbers.push(number);
    }
    return numbers;
  }

  close(number: number): void {
    const entry = this.#sockets.get(number);
    if (entry === undefined) return;
    this.#sockets.delete(number);
    this.#loop.removeWakeup(entry.wakeup);
    entry.socket.close();
  }

  closeAll(): void {
    for (const number of [...this.#sockets.keys()]) this.close(number);
  }

  send(
    number: number,
    target: UdpAddress,
    buffer: PacketBuffer,
    offset: number,
    length: number,
    segmentSize: number,
  ): void {
    if (target.family === 4)
      this.#sockets.get(number)?.socket.send(target, buffer, offset, length, segmentSize);
  }

  /** Null when the system has no more descriptors. */
  #openOne(): UdpSocket | null {
    try {
      return UdpSocket.open(4, 0, this.#mark(), {
        segmentation: true,
        coalescing: true,
        counters: this.#loop.udpCounters,
        notes: [],
      });
    } catch {
      return null;
    }
  }

  #receive(number: number, socket: UdpSocket): boolean {
    const received = this.#received;
    for (let reads = 0; reads < READS_IN_A_ROW && this.#sockets.has(number); reads++) {
      const length = socket.receive(received);
      if (length < 0) break;
      const size = socket.segmentSize;
      for (let at = 0; at < length; at += size) {
        this.onDatagram(number, received, at, Math.min(size, length - at), socket.source);
      }
    }
    return true;
  }
}
