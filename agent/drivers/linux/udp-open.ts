import { WarrenError } from '../../../shared/errors.ts';
import * as libc from './libc.ts';
import { nativeBuffer } from './memory.ts';
import { addressFamily, SOCKADDR_LENGTH, sockaddrLength } from './sockaddr.ts';
import { SO_REUSEPORT, SOL_SOCKET, setOption } from './socket-option.ts';

const SOCK_DGRAM = 2;
/** SOCK_CLOEXEC and SOCK_NONBLOCK. */
const SOCK_FLAGS = 0x80000 | 0x800;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
export const SO_MARK = 36;
export const IPPROTO_IP = 0;
const IP_RECVTOS = 13;
export const IPPROTO_IPV6 = 41;
const IPV6_RECVTCLASS = 66;
const IPV6_V6ONLY = 26;
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;
/** What both reference implementations ask for, bytes. */
const SOCKET_BUFFER = 7 << 20;

export interface OpenOptions {
  segmentation: boolean;
  coalescing: boolean;
  /** Joins others of this process that have the port already (SO_REUSEPORT). */
  joins?: boolean;
  notes: string[];
}

/** What another thread needs to use a socket. */
export interface SocketFacts {
  descriptor: number;
  family: 4 | 6;
  segmentation: boolean;
  coalescing: boolean;
}

/**
 * Opens and binds to every address of the family. Null when this host has no such family. Throws `in-use` when the port
 * is taken. `notes` gets a line for each offload that was wanted and refused.
 */
export function openUdp(family: 4 | 6, port: number, mark: number, options: OpenOptions): SocketFacts | null {
  const descriptor = libc.socket(addressFamily(family), SOCK_DGRAM | SOCK_FLAGS, 0);
  if (descriptor < 0) {
    const why = libc.errno();
    if (why === libc.EAFNOSUPPORT) return null;
    throw new WarrenError('internal', `no UDP socket: ${libc.errnoName(why)}`);
  }
  if (family === 6) setOption(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (options.joins) setOption(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
  if (family === 4) setOption(descriptor, IPPROTO_IP, IP_RECVTOS, 1);
  else setOption(descriptor, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
  // In a container without CAP_NET_ADMIN of the host only as much as net.core.rmem_max and wmem_max allow.
  if (!setOption(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER)) {
    setOption(descriptor, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
  }
  if (!setOption(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER)) {
    setOption(descriptor, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
  }
  if (mark !== 0 && !setOption(descriptor, SOL_SOCKET, SO_MARK, mark)) {
    libc.close(descriptor);
    throw new WarrenError('permission-denied', `the fwmark ${mark} was refused for the UDP socket`, {
      hint: 'run as root, or with CAP_NET_ADMIN',
    });
  }
  bindTo(descriptor, family, port);
  // Setting the segment size to 0 changes nothing and tells whether the kernel knows it (Linux 4.18).
  const segmentation = options.segmentation && setOption(descriptor, SOL_UDP, UDP_SEGMENT, 0);
  if (options.segmentation && !segmentation) {
    options.notes.push(`the kernel refuses UDP_SEGMENT: ${libc.errnoName(libc.errno())}`);
  }
  const coalescing = options.coalescing && setOption(descriptor, SOL_UDP, UDP_GRO, 1);
  if (options.coalescing && !coalescing) {
    options.notes.push(`the kernel refuses UDP_GRO: ${libc.errnoName(libc.errno())}`);
  }
  return { descriptor, family, segmentation, coalescing };
}

function bindTo(descriptor: number, family: 4 | 6, port: number): void {
  const name = nativeBuffer(SOCKADDR_LENGTH);
  name.view.setUint16(0, addressFamily(family), true);
  name.view.setUint16(2, port);
  if (libc.bind(descriptor, name.address, sockaddrLength(family)) === 0) return;
  const why = libc.errno();
  libc.close(descriptor);
  throw why === libc.EADDRINUSE
    ? new WarrenError('in-use', `UDP port ${port} is taken by another program`, {
        hint: 'choose another port, or end what uses it',
      })
    : new WarrenError('internal', `cannot bind UDP port ${port}: ${libc.errnoName(why)}`);
}
