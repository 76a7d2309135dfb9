import type { PeerEndpoint } from './configuration.ts';

/**
 * A UDP endpoint held as numbers, so that the receive path compares and copies endpoints without allocating. IPv4 uses
 * `word0` alone. Words are the address in network order read as unsigned 32-bit integers.
 */
export class UdpAddress {
  family: 4 | 6 = 4;
  port = 0;
  word0 = 0;
  word1 = 0;
  word2 = 0;
  word3 = 0;
  /** Interface index of a link-local IPv6 address, otherwise 0. */
  scope = 0;

  copyFrom(other: UdpAddress): void {
    this.family = other.family;
    this.port = other.port;
    this.word0 = other.word0;
    this.word1 = other.word1;
    this.word2 = other.word2;
    this.word3 = other.word3;
    this.scope = other.scope;
  }

  equals(other: UdpAddress): boolean {
    return (
      this.word0 === other.word0 &&
      this.port === other.port &&
      this.family === other.family &&
      this.word1 === other.word1 &&
      this.word2 === other.word2 &&
      this.word3 === other.word3 &&
      this.scope === other.scope
    );
  }

  clone(): UdpAddress {
    const copy = new UdpAddress();
    copy.copyFrom(this);
    return copy;
  }

  static from(address: Uint8Array, port: number, scope = 0): UdpAddress {
    const result = new UdpAddress();
    const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
    result.family = address.length === 4 ? 4 : 6;
    result.port = port;
    result.word0 = view.getUint32(0);
    if (result.family === 6) {
      result.word1 = view.getUint32(4);
      result.word2 = view.getUint32(8);
      result.word3 = view.getUint32(12);
      result.scope = scope;
    }
    return result;
  }

  /** The address in network order, 4 or 16 bytes, freshly allocated. */
  addressBytes(): Uint8Array {
    const bytes = new Uint8Array(this.family === 4 ? 4 : 16);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.word0);
    if (this.family === 6) {
      view.setUint32(4, this.word1);
      view.setUint32(8, this.word2);
      view.setUint32(12, this.word3);
    }
    return bytes;
  }
}

/** The address as plain data. */
export function endpointOf(address: UdpAddress): PeerEndpoint {
  const endpoint: PeerEndpoint = { address: address.addressBytes(), port: address.port };
  if (address.scope !== 0) endpoint.scope = address.scope;
  return endpoint;
}
