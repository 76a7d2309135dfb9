import { UdpAddress } from '../wireguard/udp-address.ts';

/** 100::/64 (RFC 6666): addresses in it are discarded everywhere, so no host ever has one. */
const DISCARD_PREFIX = 0x0100_0000;

/**
 * "By relay" in the place of a UDP address, so that a device sends by relay as it sends to anywhere: the peer's slot, in the
 * discard prefix, with port 0. The driver looks for it (`isRelay`) before it sends, hands such datagrams to the relay, gives
 * datagrams that came from the relay this source, and drops what a UDP socket received from 100::/64.
 */
export function relayAddress(slot: number): UdpAddress {
  const address = new UdpAddress();
  address.family = 6;
  address.word0 = DISCARD_PREFIX;
  address.word2 = Math.floor(slot / 2 ** 32);
  address.word3 = slot >>> 0;
  return address;
}

/** Whether the address is in the discard prefix. Cheap enough for every batch of datagrams. */
export function isRelay(address: UdpAddress): boolean {
  return address.family === 6 && address.word0 === DISCARD_PREFIX && address.word1 === 0;
}

/** The slot of the peer that a relay address stands for. */
export function relaySlot(address: UdpAddress): number {
  return address.word2 * 2 ** 32 + address.word3;
}
