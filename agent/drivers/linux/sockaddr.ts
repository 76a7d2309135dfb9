import type { UdpAddress } from '../../wireguard/udp-address.ts';

/** The kernel's addresses of UDP sockets (ip(7), ipv6(7)), in memory of SOCKADDR_LENGTH bytes. Ports and addresses are in network order. */

export const AF_INET = 2;
export const AF_INET6 = 10;
/** struct sockaddr_in6, the larger of the two. */
export const SOCKADDR_LENGTH = 28;
const SOCKADDR_IN_LENGTH = 16;

/** AF_INET or AF_INET6. */
export function addressFamily(family: 4 | 6): number {
  return family === 4 ? AF_INET : AF_INET6;
}

export function sockaddrLength(family: 4 | 6): number {
  return family === 4 ? SOCKADDR_IN_LENGTH : SOCKADDR_LENGTH;
}

/**
 * Writes port and address of a target of this family; the family stands there already. struct sockaddr_in: family 0, port 2,
 * address 4. sockaddr_in6: family 0, port 2, flow 4, address 8, scope 24.
 */
export function putAddress(name: DataView, family: 4 | 6, target: UdpAddress): void {
  name.setUint16(2, target.port);
  if (family === 4) {
    name.setUint32(4, target.word0);
    return;
  }
  name.setUint32(8, target.word0);
  name.setUint32(12, target.word1);
  name.setUint32(16, target.word2);
  name.setUint32(20, target.word3);
  name.setUint32(24, target.scope, true);
}

/** Reads them into `source`. */
export function takeAddress(name: DataView, family: 4 | 6, source: UdpAddress): void {
  source.family = family;
  source.port = name.getUint16(2);
  if (family === 4) {
    source.word0 = name.getUint32(4);
    return;
  }
  source.word0 = name.getUint32(8);
  source.word1 = name.getUint32(12);
  source.word2 = name.getUint32(16);
  source.word3 = name.getUint32(20);
  source.scope = name.getUint32(24, true);
}
