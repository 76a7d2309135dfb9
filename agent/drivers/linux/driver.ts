import { WarrenError } from '../../../shared/errors.ts';
import { Coalescer } from '../../tunnel/coalesce.ts';
import type {
  OffloadName,
  SocketChange,
  SocketSnapshot,
  TunnelFacts,
  TunnelOptions,
} from '../../tunnel/commands.ts';
import type { Commands, Driver, OpenDriver } from '../../tunnel/driver.ts';
import { Segmenter } from '../../tunnel/segment.ts';
import { VNET_HEADER_LENGTH } from '../../tunnel/vnet-header.ts';
import type { CreateTransportCipher } from '../../wireguard/aead.ts';
import type { Device } from '../../wireguard/device.ts';
import { MESSAGE_TRANSPORT, TRANSPORT } from '../../wireguard/messages.ts';
import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';
import type { Peer } from '../../wireguard/peer.ts';
import type { UdpAddress } from '../../wireguard/udp-address.ts';
import { openSslCipher } from './aead.ts';
import { DatagramBatch } from './datagram-batch.ts';
import * as libc from './libc.ts';
import { nativeBuffer } from './memory.ts';
import { TunDevice } from './tun.ts';
import { UdpSocket } from './udp.ts';

/** Reads of one descriptor in a row before the others have their turn. */
const READS_IN_A_ROW = 16;
/** Where a packet from the TUN lies, so that the IP header behind the virtio_net_hdr is aligned. */
const READ_AT = 6;
const MAX_READ = VNET_HEADER_LENGTH + 65_535;
/** How often the device's MTU is looked up while packets flow, milliseconds. */
const MTU_INTERVAL = 5_000;
/** The longest that poll() may sleep, milliseconds: its argument is an int. */
const LONGEST_SLEEP = 2 ** 31 - 1;

/** struct pollfd: fd 0, events 4, revents 6. */
const POLLFD_LENGTH = 8;
const TUN = 0;
const FOUR = 1;
const SIX = 2;
const WAKE = 3;

export const openLinuxDriver: OpenDriver = async (options) => new LinuxDriver(options);

/**
 * The data plane of Linux: one thread that blocks in poll() and moves up to 64 KiB by every system call. From the TUN:
 * read, segment, seal, send in batches. From the network: receive, open where coalescing wants it, write.
 */
class LinuxDriver implements Driver {
  readonly facts: TunnelFacts;
  readonly createCipher: CreateTransportCipher;
  readonly createBuffer = nativeBuffer;

  readonly #tun: TunDevice;
  readonly #disabled: ReadonlySet<OffloadName>;
  readonly #udpCounters = { sendErrors: 0, segmentationFallbacks: 0 };
  readonly #segmenter = new Segmenter();
  readonly #coalescer: Coalescer;
  readonly #batch: DatagramBatch;
  /** A packet as read from the TUN, with room for padding behind. */
  readonly #read = nativeBuffer(READ_AT + MAX_READ + 64);
  readonly #received = nativeBuffer(65_536);
  /** A single packet for the TUN, after a virtio_net_hdr of zeros. */
  readonly #single = nativeBuffer(VNET_HEADER_LENGTH + 65_536);
  readonly #pollSet = nativeBuffer(4 * POLLFD_LENGTH);

  #four: UdpSocket | null = null;
  #six: UdpSocket | null = null;
  #listenPort = 0;
  #fwmark = 0;
  #mtuReadAt = Number.NEGATIVE_INFINITY;
  #malformedTunReads = 0;
  #tunWriteErrors = 0;
  #unroutableFamily = 0;

  constructor(options: TunnelOptions) {
    const notes: string[] = [];
    this.#disabled = new Set(options.disableOffloads);
    this.createCipher = openSslCipher();
    this.#tun = TunDevice.open(options.interfaceName, options.mtu, this.#disabled, notes);
    this.#coalescer = new Coalescer(nativeBuffer, this.#tun, (offset, length) =>
      this.#writeTun(this.#coalescer.buffer, offset, length),
    );
    this.#batch = new DatagramBatch((target, buffer, offset, length, size) =>
      this.#socketFor(target)?.send(target, buffer, offset, length, size),
    );
    try {
      this.#bind(0, 0, notes);
    } catch (error) {
      this.#tun.close();
      throw error;
    }
    this.facts = {
      interfaceName: this.#tun.name,
      driver: 'linux',
      offloads: {
        'tun-tso': this.#tun.tso,
        'tun-uso': this.#tun.uso,
        'udp-gso': [this.#four, this.#six].some((socket) => socket?.segmentation),
        'udp-gro': [this.#four, this.#six].some((socket) => socket?.coalescing),
      },
      notes,
    };
  }

  setSocket(change: SocketChange): void {
    const port = change.listenPort ?? this.#listenPort;
    const mark = change.fwmark ?? this.#fwmark;
    // First what may fail: new sockets have their mark from the start, and when there are none, all stays as it was.
    if (change.listenPort !== undefined && (port === 0 || port !== this.#listenPort))
      this.#bind(port, mark, []);
    if (mark !== this.#fwmark) {
      for (const socket of [this.#four, this.#six]) {
        if (socket !== null && !socket.setMark(mark)) {
          throw new WarrenError('permission-denied', `the fwmark ${mark} was refused for the UDP socket`, {
            hint: 'run as root, or with CAP_NET_ADMIN',
          });
        }
      }
      this.#fwmark = mark;
    }
  }

  socket(): SocketSnapshot {
    return { listenPort: this.#listenPort, fwmark: this.#fwmark };
  }

  sendDatagram(target: UdpAddress, buffer: PacketBuffer, offset: number, length: number): void {
    this.#socketFor(target)?.send(target, buffer, offset, length, length);
  }

  writePacket(buffer: PacketBuffer, offset: number, length: number): void {
    this.#single.bytes.set(buffer.bytes.subarray(offset, offset + length), VNET_HEADER_LENGTH);
    this.#writeTun(this.#single, 0, VNET_HEADER_LENGTH + length);
  }

  async run(device: Device, commands: Commands): Promise<'requested' | 'removed'> {
    const events = this.#pollSet.view;
    for (;;) {
      this.#watch(TUN, this.#tun.descriptor);
      this.#watch(FOUR, this.#four?.descriptor ?? -1);
      this.#watch(SIX, this.#six?.descriptor ?? -1);
      this.#watch(WAKE, commands.wakeDescriptor);
      libc.poll(this.#pollSet.address, 4, sleepFor(device.nextDeadline() - performance.now()));
      const now = performance.now();
      if (events.getInt16(WAKE * POLLFD_LENGTH + 6, true) !== 0) {
        const goOn = commands.run();
        if (!(goOn instanceof Promise ? await goOn : goOn)) return 'requested';
      }
      if (events.getInt16(FOUR * POLLFD_LENGTH + 6, true) !== 0) this.#receive(this.#four, device, now);
      if (events.getInt16(SIX * POLLFD_LENGTH + 6, true) !== 0) this.#receive(this.#six, device, now);
      const tun = events.getInt16(TUN * POLLFD_LENGTH + 6, true);
      if ((tun & (libc.POLLERR | libc.POLLHUP | libc.POLLNVAL)) !== 0) return 'removed';
      if ((tun & libc.POLLIN) !== 0) {
        if (now - this.#mtuReadAt > MTU_INTERVAL) this.#lookUpMtu(device, now);
        if (!this.#transmit(device, now)) return 'removed';
      }
      if (now >= device.nextDeadline()) device.advance(now);
    }
  }

  close(): void {
    this.#four?.close();
    this.#six?.close();
    this.#four = null;
    this.#six = null;
    this.#tun.close();
  }

  counters(): Record<string, number> {
    return {
      'udp-send-errors': this.#udpCounters.sendErrors,
      'udp-segmentation-fallbacks': this.#udpCounters.segmentationFallbacks,
      'udp-no-such-family': this.#unroutableFamily,
      'tun-malformed-reads': this.#malformedTunReads,
      'tun-write-errors': this.#tunWriteErrors,
    };
  }

  /** From the TUN to the network. False when the device is gone. */
  #transmit(device: Device, now: number): boolean {
    const buffer = this.#read;
    // Without a virtio_net_hdr from the kernel, zeros stand in its place: a packet with nothing left to do.
    const skip = this.#tun.vnetHeader ? 0 : VNET_HEADER_LENGTH;
    let isThere = true;
    for (let reads = 0; reads < READS_IN_A_ROW; reads++) {
      const length = libc.read(this.#tun.descriptor, buffer.address + READ_AT + skip, MAX_READ - skip);
      if (length < 0) {
        isThere = libc.errno() !== libc.EBADFD;
        break;
      }
      if (skip > 0) buffer.bytes.fill(0, READ_AT, READ_AT + skip);
      if (!this.#segmenter.begin(buffer, READ_AT, length + skip)) {
        this.#malformedTunReads++;
        continue;
      }
      const peer = device.route(buffer, READ_AT + VNET_HEADER_LENGTH, length + skip - VNET_HEADER_LENGTH);
      if (peer === null) continue;
      for (let size = this.#segmenter.next(); size > 0; size = this.#segmenter.next()) {
        this.#sealOne(device, peer, this.#segmenter.offset, size, now);
      }
    }
    this.#batch.flush(device, now);
    return isThere;
  }

  #sealOne(device: Device, peer: Peer, offset: number, length: number, now: number): void {
    const batch = this.#batch;
    batch.prepare(device, peer, now);
    // What waits already goes first, or packets would overtake each other.
    const sealed =
      peer.staged.length > 0
        ? 0
        : device.seal(peer, this.#read, offset, length, batch.buffer, batch.end, now);
    if (sealed === 0) device.stage(peer, this.#read, offset, length, now);
    else batch.append(device, peer, sealed, now);
  }

  /** From the network to the TUN. */
  #receive(socket: UdpSocket | null, device: Device, now: number): void {
    if (socket === null) return;
    const received = this.#received;
    const coalescer = this.#coalescer;
    for (let reads = 0; reads < READS_IN_A_ROW; reads++) {
      const length = socket.receive(received);
      if (length < 0) break;
      const size = socket.segmentSize;
      for (let at = 0; at < length; at += size) {
        const datagram = Math.min(length - at, size);
        if (datagram < TRANSPORT.overhead || received.view.getUint32(at, true) !== MESSAGE_TRANSPORT) {
          device.datagramFromNetwork(received, at, datagram, socket.source, now);
          continue;
        }
        const place = coalescer.place(datagram - TRANSPORT.overhead);
        const packet = device.open(received, at, datagram, socket.source, coalescer.buffer, place, now);
        if (packet > 0) coalescer.commit(packet);
        else coalescer.abandon();
      }
    }
    coalescer.flush();
  }

  #writeTun(buffer: PacketBuffer, offset: number, length: number): void {
    const skip = this.#tun.vnetHeader ? 0 : VNET_HEADER_LENGTH;
    if (libc.write(this.#tun.descriptor, buffer.address + offset + skip, length - skip) < 0) {
      this.#tunWriteErrors++;
    }
  }

  #socketFor(target: UdpAddress): UdpSocket | null {
    const socket = target.family === 4 ? this.#four : this.#six;
    if (socket === null) this.#unroutableFamily++;
    return socket;
  }

  /** Binds both families to one port; what was bound before stays if that fails. */
  #bind(port: number, mark: number, notes: string[]): void {
    const options = {
      segmentation: !this.#disabled.has('udp-gso'),
      coalescing: !this.#disabled.has('udp-gro'),
      counters: this.#udpCounters,
      notes,
    };
    for (let tries = 0; ; tries++) {
      const four = UdpSocket.open(4, port, mark, options);
      const chosen = four?.port() ?? port;
      try {
        const six = UdpSocket.open(6, chosen, mark, { ...options, notes: [] });
        this.#four?.close();
        this.#six?.close();
        this.#four = four;
        this.#six = six;
        this.#listenPort = four?.port() ?? six?.port() ?? 0;
        return;
      } catch (error) {
        four?.close();
        // A port that the system chose for IPv4 can be taken for IPv6; another will be free.
        const canChooseAgain =
          port === 0 && tries < 16 && error instanceof WarrenError && error.code === 'in-use';
        if (!canChooseAgain) throw error;
      }
    }
  }

  #lookUpMtu(device: Device, now: number): void {
    this.#mtuReadAt = now;
    const mtu = this.#tun.readMtu();
    if (mtu !== null) device.setMtu(mtu);
  }

  #watch(place: number, descriptor: number): void {
    this.#pollSet.view.setInt32(place * POLLFD_LENGTH, descriptor, true);
    this.#pollSet.view.setInt16(place * POLLFD_LENGTH + 4, libc.POLLIN, true);
  }
}

/** poll()'s timeout for a deadline that many milliseconds away: rounded up, or it would spin until then. */
function sleepFor(milliseconds: number): number {
  return milliseconds === Number.POSITIVE_INFINITY
    ? -1
    : Math.min(LONGEST_SLEEP, Math.max(0, Math.ceil(milliseconds)));
}
