import type { IpBytes } from './ip.ts';
import { type Prefix, parsePrefix, prefixContains, prefixesOverlap } from './prefix.ts';

/** Blocks that never name one host beyond its own link (RFC 6890), so nobody can be reached or routed there. */
const SPECIAL: readonly Prefix[] = [
  '0.0.0.0/8', // this network
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
  '::/127', // unspecified and loopback
  '::ffff:0.0.0.0/96', // IPv4 in IPv6 clothing
  'fe80::/10', // link-local: means nothing without a zone
  'ff00::/8', // multicast
].map((text) => parsePrefix(text) as Prefix);

export function isSpecialAddress(address: IpBytes): boolean {
  return SPECIAL.some((range) => prefixContains(range, address));
}

export function overlapsSpecialRange(prefix: Prefix): boolean {
  return SPECIAL.some((range) => prefixesOverlap(range, prefix));
}
