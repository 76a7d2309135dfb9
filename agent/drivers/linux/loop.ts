import { availableParallelism } from 'node:os';
import { isRelay } from '../../paths/relay-address.ts';
import { Coalescer } from '../../tunnel/coalesce.ts';
import type { Diversion } from '../../tunnel/driver.ts';
import { monotonicNow } from '../../tunnel/monotonic.ts';
import { Segmenter } from '../../tunnel/segment.ts';
import { VNET_HEADER_LENGTH } from '../../tunnel/vnet-header.ts';
import type { DataPath, Destination } from '../../wireguard/data-path.ts';
import { MESSAGE_TRANSPORT, TRANSPORT } from '../../wireguard/messages.ts';
import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';
import type { UdpAddress } from '../../wireguard/udp-address.ts';
import { DatagramBatch } from './datagram-batch.ts';
import { ecnOf, NOT_ECT, takeOuterEcn } from './ecn.ts';
import { FlowSteering } from './flow-steering.ts';
import * as libc from './libc.ts';
import { nativeBuffer } from './memory.ts';
import type { TunFacts } from './tun.ts';
import type { UdpCounters, UdpSocket } from './udp.ts';

/** Reads of one descriptor in a row before the others have their turn. */
const READS_IN_A_ROW = 16;
/** Where a packet from the TUN lies, so that the IP header behind the virtio_net_hdr is aligned. */
const READ_AT = 6;
const MAX_READ = VNET_HEADER_LENGTH + 65_535;
/** The longest that poll() may sleep, milliseconds: its argument is an int. */
const LONGEST_SLEEP = 2 ** 31 - 1;

/** struct pollfd: fd 0, events 4, revents 6. */
const POLLFD_LENGTH = 8;
const TUN = 0;
const FOUR = 1;
const SIX = 2;
const FIRST_WAKEUP = 3;

/** Something else that the loop is to attend to. */
export interface Wakeup {
  /** Readable when there is something to do. */
  readonly wakeDescriptor: number;
  /** False to end the loop. */
  run(): boolean | Promise<boolean>;
}

/**
 * One worker's loop: it blocks in poll() and moves up to 64 KiB by every system call. From its queue of the TUN: read,
 * segment, seal, send in batches. From its sockets: receive, open where coalescing wants it, write.
 */
export class PacketLoop {
  readonly udpCounters: UdpCounters = { sendErrors: 0, segmentationFallbacks: 0 };
  /** Null where the host has no such family. Owned by whoever sets them. */
  four: UdpSocket | null = null;
  six: UdpSocket | null = null;
  diversion: Diversion | null = null;

  #wakeups: readonly Wakeup[] = [];
  readonly #tun: TunFacts;
  readonly #queue: number;
  readonly #steering: FlowSteering;
  readonly #segmenter = new Segmenter();
  readonly #coalescer: Coalescer;
  readonly #batch: DatagramBatch;
  /** A packet as read from the TUN, with room for padding behind. */
  readonly #read = nativeBuffer(READ_AT + MAX_READ + 64);
  readonly #received = nativeBuffer(65_536);
  /** A single packet for the TUN, after a virtio_net_hdr of zeros. */
  readonly #single = nativeBuffer(VNET_HEADER_LENGTH + 65_536);

  /** When the loop last woke. */
  #now = 0;
  #malformedTunReads = 0;
  #tunWriteErrors = 0;
  #unroutableFamily = 0;

  /** `worker` is the place of this loop's own queue among those of the device. */
  constructor(tun: TunFacts, worker: number) {
    this.#tun = tun;
    this.#queue = tun.queues[worker] as number;
    this.#steering = new FlowSteering(worker, tun.queues.length, availableParallelism());
    this.#coalescer = new Coalescer(nativeBuffer, tun, (offset, length) =>
      this.#writeTun(this.#coalescer.buffer, offset, length),
    );
    this.#batch = new DatagramBatch((target, buffer, offset, length, size, ecn) =>
      this.#send(target, buffer, offset, length, size, ecn),
    );
  }

  sendDatagram(target: UdpAddress, buffer: PacketBuffer, offset: number, length: number): void {
    this.#send(target, buffer, offset, length, length, NOT_ECT);
  }

  /** Attends to this one too; while it runs from the next turn of the loop on. */
  addWakeup(wakeup: Wakeup): void {
    this.#wakeups = [...this.#wakeups, wakeup];
  }

  removeWakeup(wakeup: Wakeup): void {
    this.#wakeups = this.#wakeups.filter((each) => each !== wakeup);
  }

  writePacket(buffer: PacketBuffer, offset: number, length: number): void {
    this.#single.bytes.set(buffer.bytes.subarray(offset, offset + length), VNET_HEADER_LENGTH);
    this.#writeTun(this.#single, 0, VNET_HEADER_LENGTH + length);
  }

  /**
   * Runs until a wakeup answers false (`requested`) or the device is gone (`removed`). `beforeReads` is called before
   * packets are read from the TUN.
   */
  async run(path: DataPath, beforeReads: (now: number) => void): Promise<'requested' | 'removed'> {
    let wakeups = this.#wakeups;
    let set = this.#pollSetFor(wakeups);
    const happened = (place: number) => set.view.getInt16(place * POLLFD_LENGTH + 6, true);
    for (;;) {
      if (wakeups !== this.#wakeups) {
        wakeups = this.#wakeups;
        set = this.#pollSetFor(wakeups);
      }
      watch(set, FOUR, this.four?.descriptor ?? -1);
      watch(set, SIX, this.six?.descriptor ?? -1);
      libc.poll(set.address, FIRST_WAKEUP + wakeups.length, sleepFor(path.nextDeadline() - monotonicNow()));
      const now = monotonicNow();
      this.#now = now;
      for (let index = 0; index < wakeups.length; index++) {
        if (happened(FIRST_WAKEUP + index) === 0) continue;
        const goOn = (wakeups[index] as Wakeup).run();
        if (!(goOn instanceof Promise ? await goOn : goOn)) return 'requested';
      }
      const hasReceived = happened(FOUR) !== 0 || happened(SIX) !== 0;
      if (happened(FOUR) !== 0) this.#receive(this.four, path, now);
      if (happened(SIX) !== 0) this.#receive(this.six, path, now);
      const tun = happened(TUN);
      if ((tun & (libc.POLLERR | libc.POLLHUP | libc.POLLNVAL)) !== 0) return 'removed';
      // The kernel answers many a packet, by an acknowledgement for instance, while it is written to the device.
      if ((tun & libc.POLLIN) !== 0 || hasReceived) {
        beforeReads(now);
        if (!this.#transmit(path, now)) return 'removed';
      }
      if (now >= path.nextDeadline()) path.advance(now);
    }
  }

  #pollSetFor(wakeups: readonly Wakeup[]): PacketBuffer {
    const set = nativeBuffer((FIRST_WAKEUP + wakeups.length) * POLLFD_LENGTH);
    for (let place = 0; place < FIRST_WAKEUP + wakeups.length; place++) {
      set.view.setInt16(place * POLLFD_LENGTH + 4, libc.POLLIN, true);
    }
    watch(set, TUN, this.#queue);
    for (const [index, { wakeDescriptor }] of wakeups.entries())
      watch(set, FIRST_WAKEUP + index, wakeDescriptor);
    return set;
  }

  counters(): Record<string, number> {
    return {
      'udp-send-errors': this.udpCounters.sendErrors,
      'udp-segmentation-fallbacks': this.udpCounters.segmentationFallbacks,
      'udp-no-such-family': this.#unroutableFamily,
      'tun-malformed-reads': this.#malformedTunReads,
      'tun-write-errors': this.#tunWriteErrors,
    };
  }

  /** From the TUN to the network. False when the device is gone. */
  #transmit(path: DataPath, now: number): boolean {
    const buffer = this.#read;
    // Without a virtio_net_hdr from the kernel, zeros stand in its place: a packet with nothing left to do.
    const skip = this.#tun.vnetHeader ? 0 : VNET_HEADER_LENGTH;
    let isThere = true;
    for (let reads = 0; reads < READS_IN_A_ROW; reads++) {
      const length = libc.read(this.#queue, buffer.address + READ_AT + skip, MAX_READ - skip);
      if (length < 0) {
        isThere = libc.errno() !== libc.EBADFD;
        break;
      }
      if (skip > 0) buffer.bytes.fill(0, READ_AT, READ_AT + skip);
      if (!this.#segmenter.begin(buffer, READ_AT, length + skip)) {
        this.#malformedTunReads++;
        continue;
      }
      const peer = path.route(buffer, READ_AT + VNET_HEADER_LENGTH, length + skip - VNET_HEADER_LENGTH);
      if (peer === null) {
        for (let size = this.#segmenter.next(); size > 0; size = this.#segmenter.next())
          path.unrouted(buffer, this.#segmenter.offset, size, now);
        continue;
      }
      const ecn = ecnOf(buffer.view, READ_AT + VNET_HEADER_LENGTH);
      for (let size = this.#segmenter.next(); size > 0; size = this.#segmenter.next()) {
        this.#sealOne(path, peer, this.#segmenter.offset, size, ecn, now);
      }
      // What may be all there is does not wait for the look whether there is more.
      if (reads === 0) this.#batch.flush(path, now);
    }
    this.#batch.flush(path, now);
    return isThere;
  }

  #sealOne(
    path: DataPath,
    peer: Destination,
    offset: number,
    length: number,
    ecn: number,
    now: number,
  ): void {
    const batch = this.#batch;
    batch.prepare(path, peer, ecn, now);
    const sealed = path.seal(peer, this.#read, offset, length, batch.buffer, batch.end, now);
    if (sealed === 0) path.stage(peer, this.#read, offset, length, now);
    else batch.append(path, peer, sealed, now);
  }

  /** From the network to the TUN. */
  #receive(socket: UdpSocket | null, path: DataPath, now: number): void {
    if (socket === null) return;
    const received = this.#received;
    const coalescer = this.#coalescer;
    for (let reads = 0; reads < READS_IN_A_ROW; reads++) {
      const length = socket.receive(received);
      if (length < 0) break;
      // 100::/64 stands for the relay here, and is nobody's address anywhere.
      if (isRelay(socket.source)) continue;
      const size = socket.segmentSize;
      for (let at = 0; at < length; at += size) {
        const datagram = Math.min(length - at, size);
        if (datagram < TRANSPORT.overhead || received.view.getUint32(at, true) !== MESSAGE_TRANSPORT) {
          path.datagramFromNetwork(received, at, datagram, socket.source, now);
          continue;
        }
        const place = coalescer.place(datagram - TRANSPORT.overhead);
        const packet = path.open(received, at, datagram, socket.source, coalescer.buffer, place, now);
        if (packet > 0) {
          takeOuterEcn(socket.ecn, coalescer.buffer, place);
          coalescer.commit(packet);
        } else coalescer.abandon();
      }
    }
    coalescer.flush();
  }

  #writeTun(buffer: PacketBuffer, offset: number, length: number): void {
    const { queues, vnetHeader } = this.#tun;
    const packet = offset + VNET_HEADER_LENGTH;
    const place = this.#steering.queueOf(buffer.view, packet, length - VNET_HEADER_LENGTH, this.#now);
    const skip = vnetHeader ? 0 : VNET_HEADER_LENGTH;
    const written = libc.write(queues[place] as number, buffer.address + offset + skip, length - skip);
    if (written < 0) this.#tunWriteErrors++;
  }

  #send(
    target: UdpAddress,
    buffer: PacketBuffer,
    offset: number,
    length: number,
    size: number,
    ecn: number,
  ): void {
    if (this.diversion?.(target, buffer, offset, length, size)) return;
    this.#socketFor(target)?.send(target, buffer, offset, length, size, ecn);
  }

  #socketFor(target: UdpAddress): UdpSocket | null {
    const socket = target.family === 4 ? this.four : this.six;
    if (socket === null) this.#unroutableFamily++;
    return socket;
  }
}

function watch(set: PacketBuffer, place: number, descriptor: number): void {
  set.view.setInt32(place * POLLFD_LENGTH, descriptor, true);
}

/** poll()'s timeout for a deadline that many milliseconds away: rounded up, or it would spin until then. */
function sleepFor(milliseconds: number): number {
  return milliseconds === Number.POSITIVE_INFINITY
    ? -1
    : Math.min(LONGEST_SLEEP, Math.max(0, Math.ceil(milliseconds)));
}
