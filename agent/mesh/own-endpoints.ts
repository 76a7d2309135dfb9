import { type Endpoint, formatEndpoint, parseEndpoint } from '../../shared/endpoint.ts';
import { parseIp } from '../../shared/ip.ts';
import { type Prefix, parsePrefix, prefixContains } from '../../shared/prefix.ts';
import { isLocal, isProbeable } from '../paths/address-class.ts';
import { UdpAddress } from '../wireguard/udp-address.ts';

/** Shared by the customers of a carrier, behind its NAT (RFC 6598). */
const CARRIERS = parsePrefix('100.64.0.0/10') as Prefix;

/** More than these are of no use to anybody. */
const MAX_ENDPOINTS = 16;

/**
 * Where this agent can perhaps be reached: its interfaces' addresses with the tunnel's port, what the user
 * gave, the gateway's port that is mapped to it, and what STUN servers see, or else the address that the coordinator saw. Nothing out of the overlay itself.
 */
export function ownEndpoints(
  addresses: readonly string[],
  observed: string,
  port: number,
  overlay: readonly string[],
  mapped: string | null,
  reflexive: readonly string[],
  configured: readonly string[] = [],
): string[] {
  if (port === 0) return [];
  const ranges = overlay
    .map((text) => parsePrefix(text))
    .filter((prefix): prefix is Prefix => prefix !== null);
  const endpointOf = (text: string): string[] => {
    const address = parseIp(text);
    if (address === null || isLoopback(address) || ranges.some((range) => prefixContains(range, address)))
      return [];
    return [formatEndpoint({ address, port })];
  };
  // With which port the coordinator would see the tunnel's socket is a guess, not needed where a STUN server was asked.
  const outside = reflexive.length > 0 ? reflexive : endpointOf(observed);
  const seen = [...configured, ...(mapped === null ? [] : [mapped]), ...outside].slice(0, MAX_ENDPOINTS);
  // A host with very many addresses still tells the one that is known to be reachable from outside.
  const own = [...new Set(addresses.flatMap(endpointOf))].slice(0, MAX_ENDPOINTS - seen.length);
  return [...new Set([...own, ...seen])];
}

/**
 * Those at which any host can begin, which a device must that is told once: what the user gave, and public addresses of this host's
 * own interfaces, IPv4 first. A host with a private IPv4 address and a public IPv6 one is mostly behind a router that lets
 * nothing in, so such an address counts only beside a public IPv4 one, or alone.
 */
export function reachableEndpoints(
  addresses: readonly string[],
  port: number,
  overlay: readonly string[],
  configured: readonly string[],
): string[] {
  if (port === 0) return [...configured];
  const own = ownEndpoints(addresses, '', port, overlay, null, []).flatMap((text) => {
    const endpoint = parseEndpoint(text);
    return endpoint === null ? [] : [{ text, isFour: endpoint.address.length === 4, endpoint }];
  });
  const open = own.filter(({ endpoint }) => isPublic(endpoint));
  const four = open.filter(({ isFour }) => isFour);
  const isOnlySix = own.every(({ isFour }) => !isFour);
  const six = four.length > 0 || isOnlySix ? open.filter(({ isFour }) => !isFour) : [];
  return [...new Set([...configured, ...[...four, ...six].map(({ text }) => text)])];
}

function isPublic({ address, port }: Endpoint): boolean {
  const place = UdpAddress.from(address, port);
  const isOfCarrier = address.length === 4 && prefixContains(CARRIERS, address);
  return isProbeable(place) && !isLocal(place) && !isOfCarrier;
}

function isLoopback(address: Uint8Array): boolean {
  return address.length === 4
    ? address[0] === 127
    : address.subarray(0, 15).every((byte) => byte === 0) && address[15] === 1;
}
