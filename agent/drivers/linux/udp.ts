import { WarrenError } from '../../../shared/errors.ts';
import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';
import { UdpAddress } from '../../wireguard/udp-address.ts';
import * as libc from './libc.ts';
import { nativeBuffer, putWord64 } from './memory.ts';
import { addressFamily, putAddress, SOCKADDR_LENGTH, sockaddrLength, takeAddress } from './sockaddr.ts';
import { SOL_SOCKET, setOption } from './socket-option.ts';
import {
  IPPROTO_IP,
  IPPROTO_IPV6,
  type OpenOptions,
  openUdp,
  SO_MARK,
  SOL_UDP,
  type SocketFacts,
  UDP_GRO,
  UDP_SEGMENT,
} from './udp-open.ts';

const IP_TOS = 1;
const IPV6_TCLASS = 67;
/** How long a full socket buffer may hold up the data plane before a batch is dropped, milliseconds. */
const SEND_PATIENCE = 20;

/** struct msghdr on 64-bit: name 0, namelen 8, iov 16, iovlen 24, control 32, controllen 40, flags 48. */
const MSGHDR_LENGTH = 56;
const CONTROL_LENGTH = 64;
/** struct cmsghdr: len 0, level 8, type 12, data 16. */
const CMSG_DATA = 16;
const UDP_SEGMENT_CMSG_LENGTH = CMSG_DATA + 2;
/** What controllen is for it: rounded up to 8. The traffic class is an int, and takes as much. */
const UDP_SEGMENT_CMSG_SPACE = 24;
const CLASS_CMSG_LENGTH = CMSG_DATA + 4;
const CLASS_CMSG_SPACE = 24;

/** The kernel's UDP_MAX_SEGMENTS: at most so many datagrams a send. */
export const MAX_SEGMENTS = 64;
/** The most bytes of one send: 65535 less the IPv4 and UDP headers. */
export const MAX_SEND = 65_507;

export interface UdpCounters {
  /** Datagrams that the kernel did not take, whatever the reason. */
  sendErrors: number;
  /** Times that a batch was sent singly because the kernel would not segment it. */
  segmentationFallbacks: number;
}

export interface UdpOptions extends OpenOptions {
  counters: UdpCounters;
}

/**
 * One non-blocking UDP socket of one family, with segmentation offload (one send, up to 64 datagrams) and receive
 * coalescing. Allocates nothing per call.
 */
export class UdpSocket {
  readonly descriptor: number;
  readonly family: 4 | 6;
  readonly counters: UdpCounters;
  /** Whether sends are batched by UDP_SEGMENT; off for good after the kernel answered EIO. */
  segmentation: boolean;
  readonly coalescing: boolean;
  /** Where the last datagrams received came from. */
  readonly source = new UdpAddress();
  /** Length of each datagram of the last receive but perhaps the last. */
  segmentSize = 0;
  /** The ECN bits of their outer headers. */
  ecn = 0;

  readonly #sendHeader = nativeBuffer(MSGHDR_LENGTH);
  readonly #sendName = nativeBuffer(SOCKADDR_LENGTH);
  readonly #sendVector = nativeBuffer(16);
  readonly #sendControl = nativeBuffer(CONTROL_LENGTH);
  readonly #receiveHeader = nativeBuffer(MSGHDR_LENGTH);
  readonly #receiveName = nativeBuffer(SOCKADDR_LENGTH);
  readonly #receiveVector = nativeBuffer(16);
  readonly #receiveControl = nativeBuffer(CONTROL_LENGTH);
  readonly #pollSet = nativeBuffer(8);

  private constructor({ descriptor, family, segmentation, coalescing }: SocketFacts, counters: UdpCounters) {
    this.descriptor = descriptor;
    this.family = family;
    this.segmentation = segmentation;
    this.coalescing = coalescing;
    this.counters = counters;
    const send = this.#sendHeader.view;
    putWord64(send, 0, this.#sendName.address);
    putWord64(send, 16, this.#sendVector.address);
    putWord64(send, 24, 1);
    send.setUint32(8, sockaddrLength(family), true);
    this.#sendName.view.setUint16(0, addressFamily(family), true);
    const control = this.#sendControl.view;
    // The traffic class, then the segment size; a send takes one of them, both or none.
    putWord64(control, 0, CLASS_CMSG_LENGTH);
    control.setInt32(8, family === 4 ? IPPROTO_IP : IPPROTO_IPV6, true);
    control.setInt32(12, family === 4 ? IP_TOS : IPV6_TCLASS, true);
    putWord64(control, CLASS_CMSG_SPACE, UDP_SEGMENT_CMSG_LENGTH);
    control.setInt32(CLASS_CMSG_SPACE + 8, SOL_UDP, true);
    control.setInt32(CLASS_CMSG_SPACE + 12, UDP_SEGMENT, true);
    const receive = this.#receiveHeader.view;
    putWord64(receive, 0, this.#receiveName.address);
    putWord64(receive, 16, this.#receiveVector.address);
    putWord64(receive, 24, 1);
    putWord64(receive, 32, this.#receiveControl.address);
  }

  /** A new one, as openUdp has it. */
  static open(family: 4 | 6, port: number, mark: number, options: UdpOptions): UdpSocket | null {
    const facts = openUdp(family, port, mark, options);
    return facts && new UdpSocket(facts, options.counters);
  }

  /** A socket that another worker opened for this one, which owns it from now on. */
  static adopt(facts: SocketFacts, counters: UdpCounters): UdpSocket {
    return new UdpSocket(facts, counters);
  }

  facts(): SocketFacts {
    const { descriptor, family, segmentation, coalescing } = this;
    return { descriptor, family, segmentation, coalescing };
  }

  /** The port that the socket is bound to. */
  port(): number {
    const name = nativeBuffer(SOCKADDR_LENGTH);
    const length = nativeBuffer(4);
    length.view.setUint32(0, SOCKADDR_LENGTH, true);
    if (libc.getsockname(this.descriptor, name.address, length.address) !== 0) {
      throw new WarrenError('internal', `getsockname: ${libc.errnoName(libc.errno())}`);
    }
    return name.view.getUint16(2);
  }

  /** Changes the mark of what this socket sends. */
  setMark(mark: number): boolean {
    return setOption(this.descriptor, SOL_SOCKET, SO_MARK, mark);
  }

  /**
   * Sends `length` bytes to a target of this socket's family: one datagram if that is at most `segmentSize`, otherwise
   * datagrams of `segmentSize` bytes, the last perhaps shorter; at most 64 and MAX_SEND bytes. Their headers get the ECN bits.
   * What the kernel does not take is counted, as lost on the way.
   */
  send(
    target: UdpAddress,
    buffer: PacketBuffer,
    offset: number,
    length: number,
    segmentSize: number,
    ecn = 0,
  ): void {
    putAddress(this.#sendName.view, this.family, target);
    if (ecn !== 0) this.#sendControl.view.setInt32(CMSG_DATA, ecn, true);
    if (length <= segmentSize) {
      this.#sendOne(buffer.address + offset, length, ecn);
      return;
    }
    if (this.segmentation) {
      this.#sendControl.view.setUint16(CLASS_CMSG_SPACE + CMSG_DATA, segmentSize, true);
      this.#putControl(ecn, true);
      const why = this.#sendMessage(buffer.address + offset, length);
      if (why === 0) return;
      // EIO: the device below cannot do checksums, so the kernel never will segment for it. EINVAL and EMSGSIZE: a segment
      // does not fit this path's MTU; single datagrams are fragmented, as they would be without the offload.
      if (why === libc.EIO) this.segmentation = false;
      if (why !== libc.EIO && why !== libc.EINVAL && why !== libc.EMSGSIZE) {
        this.counters.sendErrors += Math.ceil(length / segmentSize);
        return;
      }
      this.counters.segmentationFallbacks++;
    }
    for (let at = 0; at < length; at += segmentSize) {
      this.#sendOne(buffer.address + offset + at, Math.min(segmentSize, length - at), ecn);
    }
  }

  /**
   * Receives into the start of `buffer` (65,536 bytes): one datagram, or several of one sender, `segmentSize` bytes each
   * but the last. Returns the bytes, or -1 when there is nothing. `source` and `segmentSize` belong to this receive.
   */
  receive(buffer: PacketBuffer): number {
    const header = this.#receiveHeader.view;
    putWord64(this.#receiveVector.view, 0, buffer.address);
    putWord64(this.#receiveVector.view, 8, buffer.bytes.length);
    header.setUint32(8, SOCKADDR_LENGTH, true);
    putWord64(header, 40, CONTROL_LENGTH);
    const length = libc.recvmsg(this.descriptor, this.#receiveHeader.address, 0);
    if (length < 0) return -1;
    this.segmentSize = length;
    this.ecn = 0;
    this.#takeControl(header.getUint32(40, true));
    takeAddress(this.#receiveName.view, this.family, this.source);
    return length;
  }

  close(): void {
    libc.close(this.descriptor);
  }

  /** Points the message at the control messages that this send takes. */
  #putControl(ecn: number, isBatch: boolean): void {
    const header = this.#sendHeader.view;
    const before = ecn === 0 ? CLASS_CMSG_SPACE : 0;
    const end = isBatch ? CLASS_CMSG_SPACE + UDP_SEGMENT_CMSG_SPACE : CLASS_CMSG_SPACE;
    const length = end - before;
    putWord64(header, 32, length === 0 ? 0 : this.#sendControl.address + before);
    putWord64(header, 40, length);
  }

  #sendOne(address: number, length: number, ecn: number): void {
    this.#putControl(ecn, false);
    if (this.#sendMessage(address, length) !== 0) this.counters.sendErrors++;
  }

  /** 0 or errno. */
  #sendMessage(address: number, length: number): number {
    putWord64(this.#sendVector.view, 0, address);
    putWord64(this.#sendVector.view, 8, length);
    for (let waited = false; ; waited = true) {
      if (libc.sendmsg(this.descriptor, this.#sendHeader.address, 0) >= 0) return 0;
      const why = libc.errno();
      if (why === libc.EINTR) continue;
      if (why !== libc.EAGAIN || waited || !this.#waitForRoom()) return why;
    }
  }

  #waitForRoom(): boolean {
    this.#pollSet.view.setInt32(0, this.descriptor, true);
    this.#pollSet.view.setInt16(4, libc.POLLOUT, true);
    return libc.poll(this.#pollSet.address, 1, SEND_PATIENCE) > 0;
  }

  /** Goes through the control messages of a receive, `end` bytes of them. */
  #takeControl(end: number): void {
    const control = this.#receiveControl.view;
    for (let at = 0; at + CMSG_DATA < end; ) {
      const length = control.getUint32(at, true);
      if (length <= CMSG_DATA) return;
      const level = control.getInt32(at + 8, true);
      const type = control.getInt32(at + 12, true);
      if (level === SOL_UDP && type === UDP_GRO) this.segmentSize = control.getInt32(at + CMSG_DATA, true);
      // A byte from IPv4, an int from IPv6: of both the first byte says it.
      else if (level === IPPROTO_IP ? type === IP_TOS : level === IPPROTO_IPV6 && type === IPV6_TCLASS)
        this.ecn = control.getUint8(at + CMSG_DATA) & 3;
      at += (length + 7) & ~7;
    }
  }
}
