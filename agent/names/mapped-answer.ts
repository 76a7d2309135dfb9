import { parseIp } from '../../shared/ip.ts';
import { type Prefix, parsePrefix, prefixContains } from '../../shared/prefix.ts';
import type { NetworkMap } from '../mesh/network-map.ts';
import { CLASS_IN, HEADER, TYPES } from './question.ts';

/** A site's network, and where the mesh has it: of one family and length. */
export interface MappedNetwork {
  site: Prefix;
  mesh: Prefix;
}

/** The mapped networks of the site that a resolver is at: those of every router that carries it under a mapped prefix. */
export function mappedNetworksAt(resolver: string, map: NetworkMap): MappedNetwork[] {
  const address = parseIp(resolver);
  if (address === null) return [];
  for (const { mappings } of map.peers) {
    const networks = mappings.map(({ prefix, sitePrefix }) => ({
      site: parsePrefix(sitePrefix) as Prefix,
      mesh: parsePrefix(prefix) as Prefix,
    }));
    if (networks.some(({ mesh }) => prefixContains(mesh, address))) return networks;
  }
  return [];
}

/**
 * The answer of a site's resolver as the mesh has to read it: addresses of the site's networks are those under which the mesh
 * reaches them, everything else is as it was. Null for a message that cannot be read. The message itself is left alone.
 */
export function mapAnswer(message: Uint8Array, networks: readonly MappedNetwork[]): Uint8Array | null {
  const out = Uint8Array.from(message);
  const view = new DataView(out.buffer);
  if (out.length < HEADER) return null;
  let offset = HEADER;
  for (let left = view.getUint16(4); left > 0; left--) {
    const end = skipName(out, offset);
    if (end === null) return null;
    offset = end + 4;
  }
  let changed = false;
  for (let left = view.getUint16(6) + view.getUint16(8) + view.getUint16(10); left > 0; left--) {
    const end = skipName(out, offset);
    if (end === null || end + 10 > out.length) return null;
    const type = view.getUint16(end);
    const data = end + 10;
    const length = view.getUint16(end + 8);
    if (data + length > out.length) return null;
    const size = type === TYPES.A ? 4 : type === TYPES.AAAA ? 16 : -1;
    if (length === size && view.getUint16(end + 2) === CLASS_IN) {
      if (mapAddress(out.subarray(data, data + length), networks)) changed = true;
    }
    offset = data + length;
  }
  // What was signed is not this any more (RFC 4035 3.1.6).
  if (changed) view.setUint16(2, view.getUint16(2) & ~0x20);
  return out;
}

function mapAddress(address: Uint8Array, networks: readonly MappedNetwork[]): boolean {
  const network = networks.find(
    ({ site }) => site.bytes.length === address.length && prefixContains(site, address),
  );
  if (network === undefined) return false;
  const { bytes, length } = network.mesh;
  for (let bit = 0; bit < length; bit++) {
    const mask = 0x80 >> (bit & 7);
    const at = bit >> 3;
    address[at] = ((address[at] as number) & ~mask) | ((bytes[at] as number) & mask);
  }
  return true;
}

/** Where a name, compressed or not (RFC 1035 4.1.4), ends; null if that is not in the message. */
function skipName(bytes: Uint8Array, at: number): number | null {
  for (let offset = at; offset < bytes.length; ) {
    const length = bytes[offset] as number;
    if (length === 0) return offset + 1;
    if ((length & 0xc0) === 0xc0) return offset + 2 <= bytes.length ? offset + 2 : null;
    if (length > 63) return null;
    offset += 1 + length;
  }
  return null;
}
