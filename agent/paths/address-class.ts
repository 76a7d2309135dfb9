import type { UdpAddress } from '../wireguard/udp-address.ts';

/** What kind of place an address is, by the registries of RFC 6890. */

/** Addresses of one site, which no router of the Internet forwards: RFC 1918, RFC 3927, RFC 4193 and link-local IPv6. */
export function isLocal({ family, word0 }: UdpAddress): boolean {
  if (family === 6) return word0 >>> 25 === 0xfc >>> 1 || word0 >>> 22 === 0xfe80 >>> 6;
  return (
    word0 >>> 24 === 10 ||
    word0 >>> 20 === 0xac1 || // 172.16.0.0/12
    word0 >>> 16 === 0xc0a8 || // 192.168.0.0/16
    word0 >>> 16 === 0xa9fe // 169.254.0.0/16
  );
}

/**
 * Whether a datagram to this address could reach one other host (SEC-35): no port 0, nothing unspecified, loopback,
 * multicast, reserved or broadcast, no IPv4 written as IPv6, no discard prefix (which stands for the relay here), and no
 * link-local IPv6 address without an interface, for the interface of another host means nothing here.
 */
export function isProbeable(address: UdpAddress): boolean {
  const { family, port, word0, word1, word2, scope } = address;
  if (port === 0) return false;
  if (family === 4) {
    const first = word0 >>> 24;
    return first !== 0 && first !== 127 && first < 224;
  }
  if (word0 >>> 24 === 0xff) return false;
  if (word0 === 0 && word1 === 0 && (word2 === 0 || word2 === 0xffff)) return false;
  if (word0 === 0x0100_0000 && word1 === 0) return false;
  if (word0 >>> 22 === 0xfe80 >>> 6) return scope !== 0;
  return true;
}
