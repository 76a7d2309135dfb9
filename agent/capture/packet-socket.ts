import { readFileSync } from 'node:fs';
import { WarrenError } from '../../shared/errors.ts';
import * as libc from '../drivers/linux/libc.ts';
import { nativeBuffer, putWord64 } from '../drivers/linux/memory.ts';
import { SOL_SOCKET, setOption } from '../drivers/linux/socket-option.ts';
import type { CapturedPacket } from './pcapng.ts';

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_FLAGS = 0x80000 | 0x800;
/** ETH_P_ALL in network order. */
const EVERY_PROTOCOL = 0x0300;
const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
const PACKET_OUTGOING = 4;
const SO_RCVBUFFORCE = 33;
const SO_TIMESTAMPNS = 35;
/** struct sockaddr_ll: family 0, protocol 2, ifindex 4, hatype 8, pkttype 10, halen 11, address 12. */
const SOCKADDR_LL_LENGTH = 20;
const MSGHDR_LENGTH = 56;
const CONTROL_LENGTH = 64;
/** struct cmsghdr: len 0, level 8, type 12, data 16. */
const CMSG_DATA = 16;
/** What waits while this process is not looking, bytes. */
const RECEIVE_BUFFER = 16 << 20;

/** More than a packet can have, so that none is cut off. */
export const SNAP_LENGTH = 262_144;

/**
 * What goes over a network interface, by packet(7): on the tunnel's this is what the mesh carries, before encryption and after
 * decryption. With offloads a packet can be a whole series of segments, up to 64 KiB, as the applications' hosts see it.
 */
export class PacketSocket {
  readonly #descriptor: number;
  readonly #packet = nativeBuffer(SNAP_LENGTH);
  readonly #name = nativeBuffer(SOCKADDR_LL_LENGTH);
  readonly #vector = nativeBuffer(16);
  readonly #control = nativeBuffer(CONTROL_LENGTH);
  readonly #header = nativeBuffer(MSGHDR_LENGTH);
  readonly #pollSet = nativeBuffer(8);

  /** Throws `not-found` without such an interface, `permission-denied` without CAP_NET_RAW. */
  constructor(interfaceName: string) {
    const index = interfaceIndex(interfaceName);
    this.#descriptor = libc.socket(AF_PACKET, SOCK_DGRAM | SOCK_FLAGS, EVERY_PROTOCOL);
    if (this.#descriptor < 0) {
      const why = libc.errnoName(libc.errno());
      throw new WarrenError('permission-denied', `packets cannot be captured here: ${why}`, {
        hint: 'run as root, or with CAP_NET_RAW',
      });
    }
    setOption(this.#descriptor, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
    setOption(this.#descriptor, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    const name = this.#name.view;
    name.setUint16(0, AF_PACKET, true);
    name.setUint16(2, EVERY_PROTOCOL, true);
    name.setInt32(4, index, true);
    if (libc.bind(this.#descriptor, this.#name.address, SOCKADDR_LL_LENGTH) !== 0) {
      const why = libc.errnoName(libc.errno());
      libc.close(this.#descriptor);
      throw new WarrenError('internal', `cannot capture on ${interfaceName}: ${why}`);
    }
    putWord64(this.#vector.view, 0, this.#packet.address);
    putWord64(this.#vector.view, 8, SNAP_LENGTH);
    const header = this.#header.view;
    putWord64(header, 0, this.#name.address);
    putWord64(header, 16, this.#vector.address);
    putWord64(header, 24, 1);
    putWord64(header, 32, this.#control.address);
    this.#pollSet.view.setInt32(0, this.#descriptor, true);
    this.#pollSet.view.setInt16(4, libc.POLLIN, true);
  }

  /** Waits for a packet, so many milliseconds at most; whether there is one. */
  wait(milliseconds: number): boolean {
    return libc.poll(this.#pollSet.address, 1, milliseconds) > 0;
  }

  /** The next packet, with bytes of its own; null if there is none now. Throws `unavailable` when the interface has gone. */
  next(): CapturedPacket | null {
    const header = this.#header.view;
    header.setUint32(8, SOCKADDR_LL_LENGTH, true);
    putWord64(header, 40, CONTROL_LENGTH);
    const length = libc.recvmsg(this.#descriptor, this.#header.address, 0);
    if (length < 0) {
      const why = libc.errno();
      if (why === libc.EAGAIN || why === libc.EINTR) return null;
      throw new WarrenError('unavailable', `the interface has gone: ${libc.errnoName(why)}`);
    }
    return {
      direction: this.#name.view.getUint8(10) === PACKET_OUTGOING ? 'out' : 'in',
      time: this.#time(header.getUint32(40, true)),
      bytes: this.#packet.bytes.slice(0, length),
      length,
    };
  }

  /** Packets that found no room since this was last asked. */
  dropped(): number {
    const statistics = nativeBuffer(8);
    const length = nativeBuffer(4);
    length.view.setUint32(0, 8, true);
    libc.getsockopt(this.#descriptor, SOL_PACKET, PACKET_STATISTICS, statistics.address, length.address);
    return statistics.view.getUint32(4, true);
  }

  close(): void {
    libc.close(this.#descriptor);
  }

  /** Of the kernel's struct timespec; nanoseconds since the epoch. */
  #time(controlLength: number): bigint {
    const { view } = this.#control;
    if (controlLength < CMSG_DATA + 16) return BigInt(Date.now()) * 1_000_000n;
    return view.getBigInt64(CMSG_DATA, true) * 1_000_000_000n + view.getBigInt64(CMSG_DATA + 8, true);
  }
}

function interfaceIndex(name: string): number {
  try {
    return Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8'));
  } catch (cause) {
    throw new WarrenError('not-found', `there is no interface ${name}`, { cause });
  }
}
